import { priorityRange } from '../generation/options.js'
import { checkCallback, checkNumber, checkSignal } from '../input/check-option.js'
import { takeOptions } from '../input/take-options.js'

/**
 * How far a call is that makes many requests.
 *
 * @example
 * ```ts
 * const show = ({ done, total }: TaskProgress) => console.error(`${done} of ${total}`)
 * const vectors = await model.embed(['one', 'two'], { onProgress: show })
 * ```
 */
export interface TaskProgress {
  /** Texts, documents, continuations or windows that are done. */
  done: number
  total: number
}

/**
 * Options that all calls have whose answer is numbers: `embed`, `rank`, `score`, `perplexity`.
 *
 * @example
 * ```ts
 * const options: TaskOptions = { signal: AbortSignal.timeout(60_000), priority: -10 }
 * ```
 */
export interface TaskOptions {
  /** Aborting it ends the call, which rejects with the signal's reason. */
  signal?: AbortSignal | undefined
  /** From -100 to 100: where requests wait for memory or their turn, those of a higher priority go first. Default: 0. */
  priority?: number | undefined
  /** Called whenever another part of the work is done. What it throws ends the call. */
  onProgress?: ((progress: TaskProgress) => void) | undefined
}

const shared = ['signal', 'priority', 'onProgress']

/**
 * The options of a call as a copy, with those that all have checked; `own` names the others.
 *
 * @throws {QuernError} `unsupported_option`, `invalid_option`.
 */
export function takeTaskOptions<T extends TaskOptions>(call: string, options: T, own: readonly string[]): T {
  const taken = takeOptions(call, options, [...own, ...shared], ['signal', 'onProgress'])
  checkSignal(taken.signal)
  checkNumber('priority', taken.priority, priorityRange)
  checkCallback('onProgress', taken.onProgress)
  return taken
}
