import { QuernError } from '../errors.js'
import { onAbort } from '../on-abort.js'
import { isTurnOver, nextTurn } from '../turn.js'
import type { TaskOptions } from './task-options.js'
import type { TaskTarget } from './task-target.js'

/** Requests of one call that the engine has at a time: enough to fill its steps, and few enough to leave the queue to others. */
const mostInFlight = 64

/** What is asked about, as arrays give it. */
export interface Items<Item> {
  readonly length: number
  at(index: number): Item | undefined
}

/**
 * Asks about each item, a bounded number of them at a time, and gives the answers in the items' order. The first failure ends the call, and
 * the requests that still run.
 *
 * Where the engine's queue is full of others' requests, the call goes on with those that it has in there; it fails with `overloaded` if it
 * has none.
 */
export async function askInFlight<Item, Answer>(
  items: Items<Item>,
  ask: (item: Item, index: number, signal: AbortSignal) => Promise<Answer>,
  { signal, onProgress }: TaskOptions,
  { maxQueue }: Pick<TaskTarget, 'maxQueue'>,
): Promise<Answer[]> {
  signal?.throwIfAborted()
  const stop = new AbortController()
  const unlisten = signal && onAbort(signal, () => stop.abort(signal.reason))
  const answers = new Array<Answer>(items.length)
  const refused: number[] = []
  let next = 0
  let done = 0
  let lanes = Math.min(mostInFlight, maxQueue, items.length)
  const take = () => refused.pop() ?? (next < items.length ? next++ : undefined)
  /** One request after the other. */
  const lane = async () => {
    for (let index = take(); index !== undefined; index = take()) {
      while (isTurnOver()) await nextTurn()
      stop.signal.throwIfAborted()
      try {
        answers[index] = await ask(items.at(index) as Item, index, stop.signal)
      } catch (error) {
        if (!isOverloaded(error) || lanes === 1) throw error
        refused.push(index)
        break // the other lanes take it, when they are done with theirs
      }
      onProgress?.({ done: ++done, total: items.length })
    }
    lanes--
  }
  try {
    await Promise.all(Array.from({ length: lanes }, lane))
    return answers
  } catch (reason) {
    stop.abort(reason)
    throw reason
  } finally {
    unlisten?.()
  }
}

function isOverloaded(error: unknown): boolean {
  return error instanceof QuernError && error.code === 'overloaded'
}
