import { expect } from 'vitest'
import { slowdown } from './patience.js'

/**
 * Fails unless something takes less than a bound of wall-clock time, in milliseconds on a free machine. Where others work too, one moment is
 * no like the next: what took too long is done again, a few times. What is slow by itself is so each time.
 */
export async function expectPrompt(
  bound: number,
  milliseconds: () => number | Promise<number>,
): Promise<void> {
  const mostRounds = 8
  const seen: number[] = []
  while (seen.length < mostRounds) {
    const took = await milliseconds()
    if (took < bound * slowdown()) return
    seen.push(took)
  }
  expect(Math.min(...seen), `milliseconds: ${seen.map(Math.round)}`).toBeLessThan(bound)
}
