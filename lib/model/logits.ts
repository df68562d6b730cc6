import { QuernError } from '../errors.js'
import { ask } from '../generation/ask.js'
import { invalidOption } from '../input/check-option.js'
import { checkFits, takeTokens } from '../input/take-numbers.js'
import { takeOptions } from '../input/take-options.js'
import { expectGenerates, type TaskTarget } from '../tasks/task-target.js'

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
  vocab: number,
  target: TaskTarget,
): Promise<Logits> {
  expectGenerates(target)
  const { positions = 'all' } = takeOptions('logits', options, ['positions'])
  if (positions !== 'all' && positions !== 'last')
    throw invalidOption('positions', "'all' or 'last'", positions)
  const prompt = takeTokens('tokens', tokens, (length) => checkFits(length, target.longestSequence))
  const rows = positions === 'all' ? prompt.length : 1
  if (rows * vocab > maxLogits) {
    throw new QuernError(
      'invalid_input',
      `${rows} rows of ${vocab} logits are more than fit one array (${maxLogits} numbers): ask for fewer tokens at a time`,
      { value: rows },
    )
  }
  const { numbers } = await ask(target, { kind: 'logits', prompt, priority: 0, positions })
  return { data: numbers, shape: [rows, vocab] }
}
