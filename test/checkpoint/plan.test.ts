import { describe, expect, it } from 'vitest'
import { expectCode } from '../model/expect-code.js'
import { type ModelPlan, planText } from '../../lib/checkpoint/plan.js'

const plan: ModelPlan = {
  config: {
    layers: 1,
    hidden: 8,
    heads: 2,
    kvHeads: 1,
    headDim: 4,
    ffn: 16,
    vocab: 32,
    normEps: 1e-7,
    contextLength: 64,
    rope: {
      theta: 10000,
      dim: 4,
      scaling: {
        type: 'yarn',
        factor: 2,
        originalContext: 32,
        betaFast: 32,
        betaSlow: 1,
        truncate: false,
        shortFactors: [1, 1.5],
      },
    },
    qkNorm: true,
    qkvBias: false,
    tiedEmbeddings: true,
  },
  files: [{ path: '/models/with space, ünïcode\nand a line/m.safetensors', bytes: 1234 }],
  weights: [
    { slot: 'embed', dtype: 'bf16', rows: 32, cols: 8, source: { file: 0, offset: 100 } },
    { slot: 'layers.0.q', dtype: 'f32', rows: 8, cols: 8, source: { random: 0.1 } },
    { slot: 'final_norm', dtype: 'f16', rows: 1, cols: 8, source: { constant: 1 } },
  ],
  generates: true,
  seed: 7,
}

describe('planText', () => {
  it('is one fact a line', () => {
    expect(planText(plan)).toBe(`quern-plan 1
config layers 1
config hidden 8
config heads 2
config kv_heads 1
config head_dim 4
config ffn 16
config vocab 32
config norm_eps 1e-7
config context_length 64
config qk_norm 1
config qkv_bias 0
config tied_embeddings 1
config rope_theta 10000
config rope_dim 4
config rope_scaling yarn
config rope_factor 2
config rope_original_context 32
config rope_beta_fast 32
config rope_beta_slow 1
config rope_truncate 0
config rope_short_factors 1 1.5
file 0 1234 %2Fmodels%2Fwith%20space%2C%20%C3%BCn%C3%AFcode%0Aand%20a%20line%2Fm.safetensors
seed 7
weight embed bf16 32 8 file 0 100
weight layers.0.q f32 8 8 random 0.1
weight final_norm f16 1 8 constant 1
end
`)
  })

  it('gives back the files and weights when it is read', () => {
    const facts = planText(plan)
      .split('\n')
      .map((line) => line.split(' '))
    const files = facts
      .filter(([kind]) => kind === 'file')
      .map(([, , bytes, path]) => ({ path: decodeURIComponent(path ?? ''), bytes: Number(bytes) }))
    const weights = facts
      .filter(([kind]) => kind === 'weight')
      .map(([, slot, dtype, rows, cols, source, a, b]) => ({
        slot,
        dtype,
        rows: Number(rows),
        cols: Number(cols),
        source:
          source === 'file' ? { file: Number(a), offset: Number(b) } : { [source as string]: Number(a) },
      }))
    expect(files).toEqual(plan.files)
    expect(weights).toEqual(plan.weights)
  })
})

it('what is no plan has no text', async () => {
  const { config, files, weights } = plan
  const noPlans = [null, undefined, 5, [], {}, { config }, { config: {}, files, weights }]
  const broken = [
    { config, files, weights: [null] },
    { config, files: [5], weights },
    new Proxy(plan, { get: () => 1 }),
  ]
  for (const value of [...noPlans, ...broken])
    await expectCode(() => planText(value as ModelPlan), 'invalid_input')
})
