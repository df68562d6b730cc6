// Where config.json says a thing twice, or not at all.
import { expect, test } from 'vitest'
import { decoder as read } from './read-decoder.js'

const llama = {
  model_type: 'llama',
  hidden_size: 512,
  intermediate_size: 1024,
  num_hidden_layers: 2,
  num_attention_heads: 8,
  vocab_size: 1000,
  max_position_embeddings: 4096,
}

const decoder = (more: object) => read({ ...llama, ...more })
const rope = (more: object) => {
  const [first] = decoder(more).ropes
  if (first === undefined) throw new Error('no rope')
  return first
}

test('believes rope_parameters and rope_scaling where the top level says something else', () => {
  const parameters = { rope_type: 'default', rope_theta: 1e4 }
  expect(rope({ rope_theta: 5e5, rope_parameters: parameters }).theta).toBe(1e4)
  const linear = { rope_type: 'linear', factor: 2 }
  const yarn = { rope_type: 'yarn', factor: 4, rope_theta: 1e5 }
  expect(rope({ rope_theta: 5e5, rope_parameters: yarn })).toMatchObject({
    theta: 1e5,
    scaling: { type: 'yarn', factor: 4 },
  })
  // transformers 5 reads rope_scaling as it reads rope_parameters.
  expect(rope({ rope_theta: 5e5, rope_scaling: { ...linear, rope_theta: 1e4 } }).theta).toBe(1e4)
})

test('takes the defaults of yarn that transformers has', () => {
  const yarn = { rope_type: 'yarn', factor: 4 }
  const scaled = (more: object) => rope({ max_position_embeddings: 4096, rope_scaling: { ...yarn, ...more } })
  expect(scaled({}).scaling).toEqual({
    type: 'yarn',
    factor: 4,
    originalContext: 4096,
    betaFast: 32,
    betaSlow: 1,
    truncate: true,
  })
  const given = {
    original_max_position_embeddings: 1024,
    beta_fast: 16,
    beta_slow: 2,
    truncate: false,
    attention_factor: 1.5,
  }
  expect(scaled(given).scaling).toEqual({
    type: 'yarn',
    factor: 4,
    originalContext: 1024,
    betaFast: 16,
    betaSlow: 2,
    truncate: false,
    attentionFactor: 1.5,
  })
  expect(decoder({ max_position_embeddings: 4096, rope_scaling: yarn }).contextLength).toBe(16384)
})
