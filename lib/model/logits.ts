import { QuernError } from '../errors.js'
import { invalidOption } from '../input/check-option.js'
import { takeTokens } from '../input/take-numbers.js'
import { takeOptions } from '../input/take-options.js'
import type { NativeRow } from '../native/binding.js'
import { callNative, failureOf } from '../native/call-native.js'
import type { ModelParts } from './model-info.js'

/**
 * Options of {@link Model.logits}.
 *
 * @example
 * ```ts
 * const { data } = await model.logits([1, 2, 3], { positions: 'last' })
 * ```
 */
export interface LogitsOptions {
  /** For every token of the input, or for the last alone. Default 'all'. */
  positions?: 'all' | 'last' | undefined
}

/**
 * Logits of some positions.
 *
 * @example
 * ```ts
 * const { data, shape }: Logits = await model.logits([1, 2, 3])
 * const [positions, vocab] = shape
 * const last = data.subarray((positions - 1) * vocab)
 * ```
 */
export interface Logits {
  /** Row by row: `data[position * vocab + token]`. */
  data: Float32Array
  /** Positions, vocabulary. */
  shape: [number, number]
}

/** 4 GiB of float32. */
const maxLogits = 2 ** 30

/** The model's scores after each token, or after the last. */
export async function computeLogits(
  tokens: ArrayLike<number>,
  options: LogitsOptions,
  parts: ModelParts,
): Promise<Logits> {
  const { positions = 'all' } = takeOptions('logits', options, ['positions'])
  if (positions !== 'all' && positions !== 'last')
    throw invalidOption('positions', "'all' or 'last'", positions)
  const prompt = takeTokens('tokens', tokens)
  const { vocab } = parts.plan.config
  const rows = positions === 'all' ? prompt.length : 1
  if (rows * vocab > maxLogits) {
    throw new QuernError(
      'invalid_input',
      `${rows} rows of ${vocab} logits are more than fit one array (${maxLogits} numbers): ask for fewer tokens at a time`,
      { value: rows },
    )
  }
  const row = await submit(prompt, positions, parts)
  if (row.finish === 'logits' && row.logits !== undefined) return { data: row.logits, shape: [rows, vocab] }
  if (row.finish === 'failed') throw failureOf(row)
  throw new QuernError('closed', 'the model was closed while computing logits')
}

function submit(
  prompt: Int32Array,
  logits: 'all' | 'last',
  { handle, requests }: ModelParts,
): Promise<NativeRow> {
  const unused = { sampling: undefined, seed: 0, stopTokens: new Int32Array(), stop: [] }
  const textless = { keepSpecialTokens: false, tokenizer: undefined, origin: 0 }
  const request = callNative(() => handle.submit({ ...unused, ...textless, maxTokens: 1, prompt, logits }))
  return new Promise((resolve) => requests.add(request, resolve))
}
