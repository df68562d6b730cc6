import { setImmediate as nextTurn } from 'node:timers/promises'

/** Work that stops at every `yield`, at most a few milliseconds apart, so that others can have their turn. Its result is what it returns. */
export type Steps<T> = Generator<undefined, T>

/** Longer than this the event loop should wait for nobody. */
const turnMs = 10

/** Does all of it now: for callers who want a value, not a promise. */
export function atOnce<T>(steps: Steps<T>): T {
  for (;;) {
    const { done, value } = steps.next()
    if (done) return value
  }
}

/** Does it in turns of about ten milliseconds, with the event loop's other work between. */
export async function inTurns<T>(steps: Steps<T>): Promise<T> {
  const turn = new Turn()
  for (;;) {
    const { done, value } = steps.next()
    if (done) return value
    if (turn.isOver) await turn.pass()
  }
}

/** A stretch of work on the event loop. */
export class Turn {
  #begun = performance.now()

  get isOver(): boolean {
    return performance.now() - this.#begun > turnMs
  }

  /** Lets the event loop do what else there is. */
  async pass(): Promise<void> {
    await nextTurn()
    this.#begun = performance.now()
  }
}
