import type { dtypes } from '../native/constants.js'
import type { DecoderConfig } from './decoder-config.js'

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
