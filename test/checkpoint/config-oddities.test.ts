// Configs as they are found. Expected values were read off transformers 5: Qwen3Config, Qwen2Config and LlamaConfig of the same members.
import { describe, expect, it } from 'vitest'
import { readConfig } from '../../lib/checkpoint/config.js'
import { Fields } from '../../lib/checkpoint/fields.js'
import { readGenerationConfig } from '../../lib/checkpoint/generation-config.js'
import { type JsonObject, parseJson } from '../../lib/files/json.js'

const fields = (value: unknown) =>
  new Fields(
    parseJson(new TextEncoder().encode(JSON.stringify(value)), { dialect: 'python' }) as JsonObject,
    'config.json',
  )
const shape = {
  hidden_size: 512,
  intermediate_size: 1024,
  num_hidden_layers: 40,
  num_attention_heads: 32,
  vocab_size: 1000,
}
const read = (model_type: string, more: object) => readConfig(fields({ ...shape, model_type, ...more }))
/** The model's numbers and those of its layers, which are all alike, and its rope. */
const flat = (model_type: string, more: object) => {
  const { layers, ropes, ...model } = read(model_type, more).decoder
  return { ...model, ...layers[0]?.mixer, rope: ropes[0] }
}

describe('null beside absent', () => {
  it.each([
    ['qwen3', 'num_key_value_heads', { kvHeads: 32 }],
    ['llama', 'num_key_value_heads', { kvHeads: 32 }],
    ['qwen3', 'head_dim', { headDim: 128 }],
    ['qwen2', 'head_dim', { headDim: 16 }],
    ['llama', 'tie_word_embeddings', { tiedEmbeddings: false }],
  ])('%s: without %s', (model, _, expected) => {
    expect(flat(model, {})).toMatchObject(expected)
  })

  it.each([
    ['qwen3', { num_attention_heads: 64, num_key_value_heads: null }, { kvHeads: 64 }],
    ['qwen2', { num_attention_heads: 64, num_key_value_heads: null }, { kvHeads: 64 }],
    ['llama', { num_attention_heads: 64, num_key_value_heads: null }, { kvHeads: 64 }],
    ['qwen3', { head_dim: null }, { headDim: 16 }],
    ['llama', { head_dim: null }, { headDim: 16 }],
    ['qwen3', { tie_word_embeddings: null }, { tiedEmbeddings: false }],
    [
      'llama',
      { rope_scaling: null, rope_parameters: null, rope_theta: 5e5 },
      { rope: expect.objectContaining({ theta: 5e5 }) },
    ],
  ])('%s: %j', (model, more, expected) => {
    expect(flat(model, more)).toMatchObject(expected)
  })

  it('of a window that is on: 4096 where nothing is said, none where null is', () => {
    const windows = (more: object) => read('qwen2', more).decoder.layers.map(({ mixer }) => mixer.window)
    const windowed = { use_sliding_window: true, max_window_layers: 0 }
    expect(windows(windowed)).toEqual(Array(40).fill(4096))
    expect(windows({ use_sliding_window: true }).indexOf(4096)).toBe(28)
    expect(windows({ ...windowed, sliding_window: null })).toEqual(Array(40).fill(0))
    expect(windows({ ...windowed, use_sliding_window: null })).toEqual(Array(40).fill(0))
  })

  it('of stop tokens: 2 is the one of llama where nothing is said', () => {
    expect(read('llama', {}).stopTokens).toEqual([2])
    expect(read('llama', { eos_token_id: null }).stopTokens).toBeUndefined()
    expect(read('qwen3', {}).stopTokens).toBeUndefined()
  })
})

it('takes rope_scaling that was added beside rope_parameters', () => {
  const more = {
    rope_parameters: { rope_type: 'default', rope_theta: 5e6 },
    rope_scaling: { rope_type: 'yarn', factor: 4, original_max_position_embeddings: 8192 },
  }
  const { rope } = flat('qwen3', more)
  expect(rope).toMatchObject({ theta: 5e6, scaling: { type: 'yarn', factor: 4, originalContext: 8192 } })
  expect(flat('qwen3', { ...more, rope_scaling: {} }).rope?.scaling.type).toBe('none')
  expect(flat('qwen3', { ...more, rope_scaling: null }).rope?.scaling.type).toBe('none')
})

describe('-1 for a token that there is not', () => {
  it.each([
    [-1, undefined],
    [[-1], undefined],
    [[5, -1], [5]],
    [[], undefined],
  ])('eos_token_id: %j', (eos_token_id, expected) => {
    const more = { eos_token_id, bos_token_id: -1, pad_token_id: -1 }
    expect(read('llama', more).stopTokens).toEqual(expected)
    expect(readGenerationConfig(fields(more)).stopTokens).toEqual(expected)
  })
})

describe('members without meaning', () => {
  it.each([
    ['qwen3', { sliding_window: -1, use_sliding_window: false, max_window_layers: -1 }],
    ['qwen2', { sliding_window: 'none', max_window_layers: 'all' }],
    ['llama', { sliding_window: 0, use_sliding_window: true, max_window_layers: 0, layer_types: 7 }],
    ['llama', { use_sliding_window: 'yes', layer_types: ['sliding_attention', 'linear_attention'] }],
    ['qwen3', { mlp_bias: true }],
    ['qwen2', { mlp_bias: 'no', attention_bias: 'no' }],
    ['llama', { bos_token_id: 'x', pad_token_id: [], torch_dtype: 7, initializer_range: Number.NaN }],
    ['llama', { rope_scaling: { rope_type: 'default', factor: 'none' } }],
    ['llama', { quantization_config: null, text_config: 3, original_max_position_embeddings: 0 }],
    ['llama', { rope_scaling: {}, rope_parameters: {} }],
  ])('%s: %j', (model, more) => {
    const { layers, ...rest } = read(model, {}).decoder
    expect(read(model, more).decoder).toMatchObject({ layers, ...rest })
  })

  it('are those of sampling where there is none', () => {
    const more = { temperature: -1, top_k: 'all', top_p: 7, min_p: null, typical_p: {} }
    expect(readGenerationConfig(fields({ do_sample: false, ...more }))).toEqual({
      defaults: { temperature: 0 },
    })
  })
})
