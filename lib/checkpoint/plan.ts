import { QuernError } from '../errors.js'
import { show } from '../input/show.js'
import { given, takeData } from '../input/take-data.js'
import type { dtypes } from '../native/constants.js'

/**
 * How the numbers of a weight, or of keys and values, are stored.
 *
 * @example
 * ```ts
 * const dtype: WeightDtype = 'bf16'
 * ```
 */
export type WeightDtype = (typeof dtypes)[number]

/**
 * How rotary angles are scaled; the formulas are in native/model/rope.cc.
 *
 * @example
 * ```ts
 * const { config } = model.info
 * if (config.rope.scaling.type === 'yarn') console.log(config.rope.scaling.factor)
 * ```
 */
export interface RopeScaling {
  type: 'none' | 'linear' | 'dynamic' | 'yarn' | 'llama3' | 'longrope'
  /** linear, dynamic, yarn, llama3: how many times longer than trained. longrope: max context / original context. none: 1. */
  factor: number
  /** The context the model was trained on, in tokens (none, linear, dynamic: max_position_embeddings). */
  originalContext: number
  /** llama3: wavelengths above originalContext / lowFreqFactor are stretched whole. */
  lowFreqFactor?: number
  /** llama3: wavelengths below originalContext / highFreqFactor stay as they are. */
  highFreqFactor?: number
  /** yarn: turns within originalContext from which on a dimension stays as it is. */
  betaFast?: number
  /** yarn: turns within originalContext up to which a dimension is stretched whole. */
  betaSlow?: number
  /** yarn: always together with mscaleAllDim. */
  mscale?: number
  mscaleAllDim?: number
  /** yarn: the ramp's ends are rounded to whole dimensions. */
  truncate?: boolean
  /** yarn, longrope: what cos and sin are multiplied by, given outright instead of derived. */
  attentionFactor?: number
  /** longrope: dim / 2 divisors, for sequences within originalContext. */
  shortFactors?: number[]
  /** longrope: dim / 2 divisors, for longer ones. */
  longFactors?: number[]
}

/**
 * What makes one decoder different from another: all the native core knows of an architecture.
 *
 * @example
 * ```ts
 * const { layers, hidden, heads, kvHeads }: DecoderConfig = model.info.config
 * ```
 */
export interface DecoderConfig {
  layers: number
  /** Width of the residual stream. */
  hidden: number
  /** Query heads; a multiple of kvHeads. */
  heads: number
  /** Heads of keys and values. */
  kvHeads: number
  /** Width of a head, even; heads × headDim need not be hidden. */
  headDim: number
  /** Width inside the feed-forward network. */
  ffn: number
  /** Rows of the embedding: a tokenizer may know fewer tokens. */
  vocab: number
  /** Added to the mean square in every RMSNorm. */
  normEps: number
  /** Tokens a sequence may have. */
  contextLength: number
  /** theta: the base. dim: how many of the first headDim values of each head rotate. */
  rope: { theta: number; dim: number; scaling: RopeScaling }
  /** RMSNorm over each query and key head, before the rotation. */
  qkNorm: boolean
  /** Biases on the query, key and value projections. */
  qkvBias: boolean
  /** The output matrix is the embedding. */
  tiedEmbeddings: boolean
}

/**
 * Where the numbers of a weight come from: bytes of files, or made up (`random:` models).
 *
 * @example
 * ```ts
 * const where = (source: WeightSource) => ('file' in source ? `at ${source.offset}` : 'made up')
 * ```
 */
export type WeightSource =
  /** The file's place in the plan's list, and bytes from its start, aligned to nothing. */
  | { file: number; offset: number }
  /** Rows of several tensors, or of one in another order: one part below the other, together as many rows as the weight has. */
  | { parts: WeightPart[] }
  /** Uniform in [-random, random], from the plan's seed and the slot's name. */
  | { random: number }
  /** All the same. */
  | { constant: number }

/**
 * Rows of a tensor in a file that are neighbours in a weight, each as wide as the weight's.
 *
 * @example
 * ```ts
 * // of a tensor that holds the rows of two matrices in turn, those of the second
 * const part: WeightPart = { dtype: 'bf16', file: 0, offset: 4096, rows: { first: 1, count: 64, stride: 2 } }
 * ```
 */
export interface WeightPart {
  dtype: WeightDtype
  /** The file's place in the plan's list. */
  file: number
  /** Of the tensor's row 0: bytes from the file's start. */
  offset: number
  /** The tensor's rows first, first + stride, …, `count` of them. */
  rows: { first: number; count: number; stride: number }
}

/**
 * One weight the decoder needs. Vectors have rows 1. Row-major.
 *
 * @example
 * ```ts
 * const { plan } = await inspect('./Qwen3-0.6B')
 * for (const { slot, dtype, rows, cols } of plan?.weights ?? []) console.log(slot, dtype, rows, cols)
 * ```
 */
export interface PlannedWeight {
  /** `embed`, `final_norm`, `head`, `layers.N.attention_norm|q|k|v|q_bias|k_bias|v_bias|q_norm|k_norm|o|ffn_norm|gate|up|down` */
  slot: string
  dtype: WeightDtype
  rows: number
  cols: number
  source: WeightSource
}

/**
 * All that the native core needs to load a model. Serialisable: `planText()` is what crosses the boundary.
 *
 * @example
 * ```ts
 * const { plan } = await inspect('./Qwen3-0.6B')
 * console.log(plan?.files.length, plan?.weights.length)
 * ```
 */
export interface ModelPlan {
  config: DecoderConfig
  /** Absolute paths with the sizes that the headers were read at. */
  files: { path: string; bytes: number }[]
  weights: PlannedWeight[]
  /**
   * false: an embedding model, whose files have no output matrix. The native core needs to know nothing of it: `config` says then that the
   * matrix is the embedding, and nobody asks for it.
   */
  generates: boolean
  /** For random weights. */
  seed?: number
}

const bytesPerNumber: Record<WeightDtype, number> = { f32: 4, f16: 2, bf16: 2 }

/** @internal The bytes of a weight as it is stored. */
export function weightBytes({ rows, cols, dtype }: Pick<PlannedWeight, 'rows' | 'cols' | 'dtype'>): number {
  return rows * cols * bytesPerNumber[dtype]
}

/** @internal Where the first row of a weight lies; nowhere for one that is made up. */
export function firstPlace({ source, cols }: PlannedWeight): { file: number; offset: number } | undefined {
  if ('file' in source) return source
  const part = 'parts' in source ? source.parts[0] : undefined
  return (
    part && { file: part.file, offset: part.offset + part.rows.first * cols * bytesPerNumber[part.dtype] }
  )
}

/** Of a plan: thousands of layers have fewer. */
const mostValues = 10_000_000

/**
 * The plan as flat text, one fact a line, which the native core parses and checks again. Format:
 * ```
 * quern-plan 2
 * config NAME VALUE...
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
  const {
    config,
    config: {
      rope,
      rope: { scaling },
    },
  } = taken
  const lines = ['quern-plan 2']
  const put = (name: string, value: number | string | boolean | number[] | undefined) => {
    if (value === undefined) return
    lines.push(
      `config ${name} ${Array.isArray(value) ? value.join(' ') : typeof value === 'boolean' ? Number(value) : value}`,
    )
  }
  put('layers', config.layers)
  put('hidden', config.hidden)
  put('heads', config.heads)
  put('kv_heads', config.kvHeads)
  put('head_dim', config.headDim)
  put('ffn', config.ffn)
  put('vocab', config.vocab)
  put('norm_eps', config.normEps)
  put('context_length', config.contextLength)
  put('qk_norm', config.qkNorm)
  put('qkv_bias', config.qkvBias)
  put('tied_embeddings', config.tiedEmbeddings)
  put('rope_theta', rope.theta)
  put('rope_dim', rope.dim)
  put('rope_scaling', scaling.type)
  put('rope_factor', scaling.factor)
  put('rope_original_context', scaling.originalContext)
  put('rope_low_freq_factor', scaling.lowFreqFactor)
  put('rope_high_freq_factor', scaling.highFreqFactor)
  put('rope_beta_fast', scaling.betaFast)
  put('rope_beta_slow', scaling.betaSlow)
  put('rope_mscale', scaling.mscale)
  put('rope_mscale_all_dim', scaling.mscaleAllDim)
  put('rope_truncate', scaling.truncate)
  put('rope_attention_factor', scaling.attentionFactor)
  put('rope_short_factors', scaling.shortFactors)
  put('rope_long_factors', scaling.longFactors)
  for (const [index, file] of taken.files.entries()) {
    lines.push(`file ${index} ${file.bytes} ${encodeURIComponent(file.path)}`)
  }
  if (taken.seed !== undefined) lines.push(`seed ${taken.seed}`)
  for (const { slot, dtype, rows, cols, source } of taken.weights) {
    const from =
      'file' in source
        ? `file ${source.file} ${source.offset}`
        : 'parts' in source
          ? 'parts'
          : 'random' in source
            ? `random ${source.random}`
            : `constant ${source.constant}`
    lines.push(`weight ${slot} ${dtype} ${rows} ${cols} ${from}`)
    for (const part of 'parts' in source ? source.parts : []) {
      const { first, count, stride } = part.rows
      lines.push(`part ${part.dtype} ${first} ${count} ${stride} ${part.file} ${part.offset}`)
    }
  }
  lines.push('end')
  return `${lines.join('\n')}\n`
}

function expectPlan(plan: unknown): asserts plan is ModelPlan {
  const { config, files, weights } = (plan ?? {}) as Partial<ModelPlan>
  const isPlan =
    typeof config?.rope?.scaling === 'object' &&
    config.rope.scaling !== null &&
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

function isSource(source: unknown): boolean {
  if (typeof source !== 'object' || source === null) return false
  const { parts } = source as { parts?: unknown }
  const isPart = (part: Partial<WeightPart> | null) => typeof part?.rows === 'object' && part.rows !== null
  return parts === undefined || (Array.isArray(parts) && parts.every(isPart))
}
