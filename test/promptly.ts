import { expect } from 'vitest'
import { slowdown, startWork } from './patience.js'

/** Times that something is measured before it is called too much. What is slow, or leaks, by itself does so each time. */
const mostRounds = 8

/** Fails unless a measurement is below the bound, once at least. What was too much is measured again, a few times. */
export async function expectBelow(
  bound: number,
  measure: () => number | Promise<number>,
  what = '',
  unit = 'milliseconds',
): Promise<void> {
  const seen: number[] = []
  while (seen.length < mostRounds) {
    const took = await measure()
    if (took < bound) return
    seen.push(took)
  }
  expect(Math.min(...seen), `${what} ${unit}: ${seen.map(Math.round)}`).toBeLessThan(bound)
}

/**
 * Fails unless something takes less than a bound of wall-clock time, in milliseconds on a free machine. Where others work too, one moment is
 * no like the next: what took too long is done again, a few times.
 */
export function expectPrompt(bound: number, milliseconds: () => number | Promise<number>): Promise<void> {
  return expectBelow(bound, async () => (await milliseconds()) / slowdown())
}

/**
 * Fails unless work takes less than a bound of processor time, in milliseconds: what any machine may need for it. What took too much is done
 * again, a few times, since garbage collection is in it, and a core may be half of one.
 */
export function expectLittleWork(bound: number, work: () => unknown, what?: string): Promise<void> {
  return expectBelow(
    bound,
    async () => {
      const spent = startWork()
      await work()
      return spent()
    },
    what,
  )
}
