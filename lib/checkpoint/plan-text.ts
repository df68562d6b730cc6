import { QuernError } from '../errors.js'
import { show } from '../input/show.js'
import { given, takeData } from '../input/take-data.js'
import type { DecoderConfig, LayerSpec, RopeConfig } from './decoder-config.js'
import type { ModelPlan, PlannedWeight, WeightPart } from './plan.js'

/** Of a plan: thousands of layers have fewer. */
const mostValues = 10_000_000

/**
 * The plan as flat text, one fact a line, which the native core parses and checks again. Format:
 * ```
 * quern-plan 3
 * config NAME VALUE
 * rope INDEX NAME VALUE...
 * layers COUNT NAME VALUE NAME VALUE...           (that many equal layers, behind those before)
 * file INDEX BYTES PERCENT-ENCODED-PATH
 * seed N
 * weight SLOT DTYPE ROWS COLS file INDEX OFFSET | parts | random SCALE | constant VALUE
 * part DTYPE FIRST COUNT STRIDE INDEX OFFSET      (behind `parts`, until all rows are there)
 * end
 * ```
 *
 * @throws {QuernError} `invalid_input` for what is no plan.
 * @example
 * ```ts
 * const { plan } = await inspect('./Qwen3-0.6B')
 * if (plan) await writeFile('qwen3.plan', planText(plan))
 * ```
 */
export function planText(plan: ModelPlan): string {
  const taken = takeData('planText', plan, 'invalid_input', mostValues)
  expectPlan(taken)
  const { config, files, seed, weights } = taken
  const lines = ['quern-plan 3', ...configLines(config)]
  for (const [index, rope] of config.ropes.entries()) lines.push(...ropeLines(index, rope))
  lines.push(...layerLines(config.layers))
  for (const [index, file] of files.entries()) {
    lines.push(`file ${index} ${file.bytes} ${encodeURIComponent(file.path)}`)
  }
  if (seed !== undefined) lines.push(`seed ${seed}`)
  for (const weight of weights) lines.push(...weightLines(weight))
  lines.push('end')
  return `${lines.join('\n')}\n`
}

type Value = number | string | boolean | number[] | undefined

/** NAME VALUE for what is there. */
function facts(values: Record<string, Value>): string[] {
  return Object.entries(values).flatMap(([name, value]) => {
    if (value === undefined) return []
    if (Array.isArray(value)) return `${name} ${value.join(' ')}`
    return `${name} ${typeof value === 'boolean' ? Number(value) : value}`
  })
}

function configLines(config: DecoderConfig): string[] {
  return facts({
    hidden: config.hidden,
    vocab: config.vocab,
    norm_eps: config.normEps,
    context_length: config.contextLength,
    tied_embeddings: config.tiedEmbeddings,
  }).map((fact) => `config ${fact}`)
}

function ropeLines(index: number, { theta, dim, scaling }: RopeConfig): string[] {
  return facts({
    theta,
    dim,
    scaling: scaling.type,
    factor: scaling.factor,
    original_context: scaling.originalContext,
    low_freq_factor: scaling.lowFreqFactor,
    high_freq_factor: scaling.highFreqFactor,
    beta_fast: scaling.betaFast,
    beta_slow: scaling.betaSlow,
    mscale: scaling.mscale,
    mscale_all_dim: scaling.mscaleAllDim,
    truncate: scaling.truncate,
    attention_factor: scaling.attentionFactor,
    short_factors: scaling.shortFactors,
    long_factors: scaling.longFactors,
  }).map((fact) => `rope ${index} ${fact}`)
}

/** A line for every run of equal layers. */
function layerLines(layers: LayerSpec[]): string[] {
  const runs: { fact: string; count: number }[] = []
  for (const layer of layers) {
    const fact = layerFact(layer)
    const run = runs.at(-1)
    if (run?.fact === fact) run.count++
    else runs.push({ fact, count: 1 })
  }
  return runs.map(({ fact, count }) => `layers ${count} ${fact}`)
}

function layerFact({ mixer, ffn, norms }: LayerSpec): string {
  return facts({
    mixer: mixer.kind,
    heads: mixer.heads,
    kv_heads: mixer.kvHeads,
    head_dim: mixer.headDim,
    window: mixer.window,
    rope: mixer.rope,
    alibi: mixer.alibi,
    qk_norm: mixer.qkNorm,
    bias: mixer.bias,
    gate: mixer.gate,
    sinks: mixer.sinks,
    keys_and_values: mixer.keysAndValues,
    ffn: ffn.kind,
    width: ffn.width,
    activation: ffn.activation,
    norms,
  }).join(' ')
}

function weightLines({ slot, dtype, rows, cols, source }: PlannedWeight): string[] {
  const from =
    'file' in source
      ? `file ${source.file} ${source.offset}`
      : 'parts' in source
        ? 'parts'
        : 'random' in source
          ? `random ${source.random}`
          : `constant ${source.constant}`
  const parts = ('parts' in source ? source.parts : []).map(({ dtype, file, offset, rows }) => {
    const { first, count, stride } = rows
    return `part ${dtype} ${first} ${count} ${stride} ${file} ${offset}`
  })
  return [`weight ${slot} ${dtype} ${rows} ${cols} ${from}`, ...parts]
}

function expectPlan(plan: unknown): asserts plan is ModelPlan {
  const { config, files, weights } = (plan ?? {}) as Partial<ModelPlan>
  const isPlan =
    Array.isArray(config?.ropes) &&
    config.ropes.every((rope) => isObject(rope?.scaling)) &&
    Array.isArray(config.layers) &&
    config.layers.every((layer) => isObject(layer?.mixer) && isObject(layer.ffn)) &&
    Array.isArray(files) &&
    files.every((file) => typeof file?.path === 'string') &&
    Array.isArray(weights) &&
    weights.every((weight) => isSource(weight?.source))
  if (!isPlan)
    throw new QuernError(
      'invalid_input',
      `planText: expected a plan as inspect() gives it, got ${show(plan)}`,
      {
        value: given(plan),
      },
    )
}

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null
}

function isSource(source: unknown): boolean {
  if (!isObject(source)) return false
  const { parts } = source as { parts?: unknown }
  const isPart = (part: Partial<WeightPart> | null) => isObject(part?.rows)
  return parts === undefined || (Array.isArray(parts) && parts.every(isPart))
}
