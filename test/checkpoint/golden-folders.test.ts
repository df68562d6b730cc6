import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { LayerSpec } from '../../lib/checkpoint/decoder-config.js'
import { readFolder } from '../../lib/checkpoint/folder.js'
import { layerSpec } from '../../lib/checkpoint/layer-spec.js'
import { firstPlace } from '../../lib/checkpoint/plan.js'
import { type PlannedModel, planModel } from '../../lib/checkpoint/plan-model.js'
import { fixturePath, goldenPath, requireGoldens } from '../golden.js'
import { expectCode } from '../model/expect-code.js'
import { supportedGoldenNames } from '../supported-goldens.js'
import { readNamed, readNumbers } from './read-tensor.js'

const unsupported: [string, RegExp][] = [
  ['gemma3', /gemma3/],
  ['fp8-block', /fp8/],
  ['awq-g64', /awq/],
  ['gptq-desc-act', /gptq/],
  ['gptq-column-sym', /gptq/],
  ['compressed-w4a16', /compressed-tensors/],
]

/** A weight of the plan, as numbers. */
async function readWeight(folder: PlannedModel, slot: string): Promise<Float64Array> {
  const weight = folder.plan.weights.find((weight) => weight.slot === slot)
  const place = weight && firstPlace(weight)
  if (weight === undefined || place === undefined) throw new Error(`no ${slot} in a file`)
  const { file, offset } = place
  const path = folder.plan.files[file]?.path ?? ''
  return readNumbers({ path, dtype: weight.dtype, offset, count: weight.rows * weight.cols })
}

/** x: [tokens, cols], w: [rows, cols] → [tokens, rows] */
function project(x: Float64Array, w: Float64Array, cols: number, bias?: Float64Array): Float64Array {
  const rows = w.length / cols
  return Float64Array.from({ length: (x.length / cols) * rows }, (_, i) => {
    const token = Math.floor(i / rows)
    const row = i % rows
    let sum = bias?.[row] ?? 0
    for (let c = 0; c < cols; c++) sum += (x[token * cols + c] as number) * (w[row * cols + c] as number)
    return sum
  })
}

/** RMSNorm over each run of weight.length numbers. */
function normalize(x: Float64Array, weight: Float64Array, eps: number): Float64Array {
  const width = weight.length
  const result = new Float64Array(x.length)
  for (let start = 0; start < x.length; start += width) {
    const row = x.subarray(start, start + width)
    const scale = 1 / Math.sqrt(row.reduce((sum, value) => sum + value * value, 0) / width + eps)
    row.forEach((value, i) => {
      result[start + i] = value * scale * (weight[i] as number)
    })
  }
  return result
}

function expectClose(got: Float64Array, want: Float64Array, what: string): void {
  expect(got.length, what).toBe(want.length)
  let worst = 0
  for (let i = 0; i < got.length; i++) {
    worst = Math.max(
      worst,
      Math.abs((got[i] as number) - (want[i] as number)) / (1 + Math.abs(want[i] as number)),
    )
  }
  expect(worst, what).toBeLessThan(1e-4)
}

/** Follows Hugging Face's own traces through the weights that the plan points at. */
async function checkAgainstTrace(path: string): Promise<void> {
  const folder = planModel(await readFolder(path))
  const { config } = folder.plan
  const expected = JSON.parse(readFileSync(join(path, 'expected.json'), 'utf8'))
  expect(config.vocab).toBe(expected.vocab_size)
  expect(folder.stopTokens).toEqual(expected.stop_tokens)

  const trace = (name: string) => readNamed(join(path, 'expected.safetensors'), `trace.${name}`)
  const weight = (slot: string) => readWeight(folder, slot)
  const { mixer, ffn } = config.layers[0] as LayerSpec
  const bias = (slot: string) => (mixer.bias === 'qkv' ? weight(`layers.0.${slot}_bias`) : undefined)
  const { hidden } = config

  const ids: number[] = expected.prompts[expected.trace.prompt].ids
  const table = await weight('embed')
  const embedded = Float64Array.from(ids.flatMap((id) => [...table.subarray(id * hidden, (id + 1) * hidden)]))
  expectClose(embedded, await trace('embed'), 'embed')

  const input = await trace('layer0.input_norm')
  expectClose(
    normalize(embedded, await weight('layers.0.attention_norm'), config.normEps),
    input,
    'attention_norm',
  )
  for (const slot of ['q', 'k', 'v']) {
    expectClose(
      project(input, await weight(`layers.0.${slot}`), hidden, await bias(slot)),
      await trace(`layer0.${slot}_proj`),
      slot,
    )
  }
  for (const slot of mixer.qkNorm === 'head' ? ['q', 'k'] : []) {
    const normed = normalize(
      await trace(`layer0.${slot}_proj`),
      await weight(`layers.0.${slot}_norm`),
      config.normEps,
    )
    expectClose(normed, await trace(`layer0.${slot}_norm`), `${slot}_norm`)
  }
  const heads = mixer.heads * mixer.headDim
  expectClose(
    project(await trace('layer0.attention'), await weight('layers.0.o'), heads),
    await trace('layer0.o_proj'),
    'o',
  )

  const afterAttention = (await trace('layer0.o_proj')).map((value, i) => value + (embedded[i] as number))
  const ffnInput = await trace('layer0.post_attention_norm')
  expectClose(
    normalize(afterAttention, await weight('layers.0.ffn_norm'), config.normEps),
    ffnInput,
    'ffn_norm',
  )
  const up = project(ffnInput, await weight('layers.0.up'), hidden)
  const gated = project(ffnInput, await weight('layers.0.gate'), hidden).map(
    (g, i) => (g / (1 + Math.exp(-g))) * (up[i] as number),
  )
  expectClose(
    project(gated, await weight('layers.0.down'), ffn.width),
    await trace('layer0.mlp'),
    'gate, up, down',
  )

  const last = await trace(`layer.${config.layers.length - 1}`)
  const final = await trace('final_norm')
  expectClose(normalize(last, await weight('final_norm'), config.normEps), final, 'final_norm')

  const positions: number[] = expected.prompts[expected.trace.prompt].logit_positions
  const chosen = Float64Array.from(
    positions.flatMap((t) => [...final.subarray(t * hidden, (t + 1) * hidden)]),
  )
  const head = config.tiedEmbeddings ? table : await weight('head')
  const logits = await readNamed(join(path, 'expected.safetensors'), `prompt.${expected.trace.prompt}.logits`)
  expectClose(project(chosen, head, hidden), logits, 'head')
}

describe('the fixture', () => {
  const path = fixturePath('models', 'qwen3-tied')

  it('has the weights that Hugging Face computed with', () => checkAgainstTrace(path))

  it('has the configuration that its files say', async () => {
    const { generation, tokenizer, ...files } = await readFolder(path)
    const folder = planModel({ generation, ...files })
    const sizes = { heads: 4, kvHeads: 2, headDim: 32, window: 0, ffn: 160, qkNorm: true, qkvBias: false }
    expect(folder.plan.config).toEqual({
      layers: [layerSpec(sizes), layerSpec(sizes)],
      ropes: [{ theta: 5e6, dim: 32, scaling: { type: 'none', factor: 1, originalContext: 4096 } }],
      hidden: 64,
      vocab: 512,
      normEps: 1e-6,
      contextLength: 4096,
      tiedEmbeddings: true,
    })
    expect(generation.defaults).toEqual({ temperature: 0.7, topK: 20, topP: 0.8 })
    expect(folder.stopTokens).toEqual([251, 12])
    expect(tokenizer).toBeUndefined()
    expect(
      folder.plan.weights.map(({ slot }) => slot).filter((slot) => !slot.startsWith('layers.1.')),
    ).toEqual([
      'embed',
      ...'attention_norm q k v q_norm k_norm o ffn_norm gate up down'
        .split(' ')
        .map((name) => `layers.0.${name}`),
      'final_norm',
    ])
  })
})

requireGoldens()
describe.skipIf(!existsSync(goldenPath('models')))('golden models', () => {
  const hasTraces = (name: string) =>
    readFileSync(goldenPath('models', name, 'expected.json'), 'utf8').includes('"trace.layer0.q_proj"')
  const traced = existsSync(goldenPath('models')) ? supportedGoldenNames.filter(hasTraces) : []
  it.each(traced)('%s has the weights that Hugging Face computed with', (name) =>
    checkAgainstTrace(goldenPath('models', name)),
  )

  it('qwen3-embedding is read: its names have no prefix, and it has no head', async () => {
    const { plan, spareHead } = planModel(await readFolder(goldenPath('models', 'qwen3-embedding')))
    expect(plan.generates).toBe(false)
    expect(plan.weights.map(({ slot }) => slot)).not.toContain('head')
    expect(spareHead).toBeUndefined()
  })

  it.each(['streaming-cache', 'lora-qwen3', 'dpo'])('%s is read', async (name) => {
    expect((await readFolder(goldenPath('models', name))).config.architecture.modelType).toBe('qwen3')
  })

  it.each(unsupported)('%s is refused by name', async (name, reason) => {
    const error = await expectCode(() => readFolder(goldenPath('models', name)), 'unsupported_model')
    expect(error.message).toMatch(reason)
  })

  it('reads rotary scaling in both styles of config', async () => {
    const scaling = async (name: string) =>
      planModel(await readFolder(goldenPath('models', name))).plan.config.ropes[0]?.scaling
    expect(await scaling('qwen3-rope-linear')).toEqual({ type: 'linear', factor: 4, originalContext: 512 })
    expect(await scaling('qwen3-rope-dynamic')).toEqual({ type: 'dynamic', factor: 2, originalContext: 64 })
    const yarn = { type: 'yarn', factor: 4, originalContext: 64, betaFast: 32, betaSlow: 1, truncate: true }
    expect(await scaling('qwen3-rope-yarn')).toEqual(yarn)
    expect(await scaling('qwen3-rope-yarn-v5-config')).toEqual({
      type: 'yarn',
      factor: 2,
      originalContext: 128,
      betaFast: 16,
      betaSlow: 2,
      attentionFactor: 1.25,
      truncate: false,
    })
    const llama3 = { type: 'llama3', originalContext: 128, lowFreqFactor: 1, highFreqFactor: 4 }
    expect(await scaling('llama3-rope')).toEqual({ ...llama3, factor: 8 })
    expect(await scaling('llama3-rope-v5-config')).toEqual({ ...llama3, factor: 4 })
  })
})
