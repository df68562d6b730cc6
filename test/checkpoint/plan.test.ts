import { describe, expect, it } from 'vitest'
import { layerSpec } from '../../lib/checkpoint/layer-spec.js'
import type { ModelPlan } from '../../lib/checkpoint/plan.js'
import { planText } from '../../lib/checkpoint/plan-text.js'
import { expectCode } from '../model/expect-code.js'

const sizes = { heads: 2, kvHeads: 1, headDim: 4, window: 0, qkNorm: true, qkvBias: false, ffn: 16 }
const plan: ModelPlan = {
  config: {
    layers: [layerSpec(sizes), layerSpec({ ...sizes, window: 5 }), layerSpec({ ...sizes, window: 5 })],
    ropes: [
      {
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
    ],
    hidden: 8,
    vocab: 32,
    normEps: 1e-7,
    contextLength: 64,
    tiedEmbeddings: true,
  },
  files: [{ path: '/models/with space, ünïcode\nand a line/m.safetensors', bytes: 1234 }],
  weights: [
    { slot: 'embed', dtype: 'bf16', rows: 32, cols: 8, source: { file: 0, offset: 100 } },
    { slot: 'layers.0.q', dtype: 'f32', rows: 8, cols: 8, source: { random: 0.1 } },
    {
      slot: 'layers.0.k',
      dtype: 'bf16',
      rows: 4,
      cols: 8,
      source: {
        parts: [
          { dtype: 'bf16', file: 0, offset: 100, rows: { first: 1, count: 3, stride: 2 } },
          { dtype: 'f32', file: 0, offset: 700, rows: { first: 0, count: 1, stride: 1 } },
        ],
      },
    },
    { slot: 'final_norm', dtype: 'f16', rows: 1, cols: 8, source: { constant: 1 } },
  ],
  generates: true,
  seed: 7,
}

describe('planText', () => {
  it('is one fact a line', () => {
    expect(planText(plan)).toBe(`quern-plan 3
config hidden 8
config vocab 32
config norm_eps 1e-7
config context_length 64
config tied_embeddings 1
rope 0 theta 10000
rope 0 dim 4
rope 0 scaling yarn
rope 0 factor 2
rope 0 original_context 32
rope 0 beta_fast 32
rope 0 beta_slow 1
rope 0 truncate 0
rope 0 short_factors 1 1.5
layers 1 mixer attention heads 2 kv_heads 1 head_dim 4 window 0 rope 0 alibi 0 qk_norm head bias none gate none sinks none keys_and_values own ffn dense width 16 activation silu norms before
layers 2 mixer attention heads 2 kv_heads 1 head_dim 4 window 5 rope 0 alibi 0 qk_norm head bias none gate none sinks none keys_and_values own ffn dense width 16 activation silu norms before
file 0 1234 %2Fmodels%2Fwith%20space%2C%20%C3%BCn%C3%AFcode%0Aand%20a%20line%2Fm.safetensors
seed 7
weight embed bf16 32 8 file 0 100
weight layers.0.q f32 8 8 random 0.1
weight layers.0.k bf16 4 8 parts
part bf16 1 3 2 0 100
part f32 0 1 1 0 700
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
    const partsBehind = (line: number) => {
      const end = facts.findIndex(([kind], i) => i > line && kind !== 'part')
      return facts.slice(line + 1, end).map(([, dtype, ...numbers]) => {
        const [first, count, stride, file, offset] = numbers.map(Number)
        return { dtype, file, offset, rows: { first, count, stride } }
      })
    }
    const weights = facts.flatMap(([kind, slot, dtype, rows, cols, source, a, b], line) => {
      if (kind !== 'weight') return []
      const sources: Record<string, unknown> = {
        file: { file: Number(a), offset: Number(b) },
        parts: { parts: partsBehind(line) },
      }
      const made = { [source as string]: Number(a) }
      return [{ slot, dtype, rows: Number(rows), cols: Number(cols), source: sources[source ?? ''] ?? made }]
    })
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
    { config: { ...config, layers: 3 }, files, weights },
    { config: { ...config, layers: [null] }, files, weights },
    { config: { ...config, ropes: [{}] }, files, weights },
    { config, files, weights: [{ ...weights[0], source: { parts: 5 } }] },
    { config, files, weights: [{ ...weights[0], source: { parts: [null] } }] },
    { config, files, weights: [{ ...weights[0], source: { parts: [{ dtype: 'f32' }] } }] },
    new Proxy(plan, { get: () => 1 }),
  ]
  for (const value of [...noPlans, ...broken])
    await expectCode(() => planText(value as ModelPlan), 'invalid_input')
})
