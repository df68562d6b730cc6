import { isTurnOver, nextTurn } from '../turn.js'

/** Work that stops at every `yield`, at most a few milliseconds apart, so that others can have their turn. Its result is what it returns. */
export type Steps<T> = Generator<undefined, T>

/** Does all of it now: for callers who want a value, not a promise. */
export function atOnce<T>(steps: Steps<T>): T {
  for (;;) {
    const { done, value } = steps.next()
    if (done) return value
  }
}

/** Does it in turns of a few milliseconds, with the event loop's other work between. */
export async function inTurns<T>(steps: Steps<T>): Promise<T> {
  for (;;) {
    const { done, value } = steps.next()
    if (done) return value
    if (isTurnOver()) await nextTurn()
  }
}
