// Work that grows with its input, and no faster.
import { expect } from 'vitest'

/** Processor time of this process, in milliseconds: what others do on the machine counts little. */
function processorTime(work: () => void): number {
  const before = process.cpuUsage()
  work()
  const { user, system } = process.cpuUsage(before)
  return (user + system) / 1e3
}

/** Less than this is dominated by other things than the work. Milliseconds. */
const enough = 10
const mostRounds = 8
/** No further round after this: what grows in the square takes long. Milliseconds. */
const patience = 4000

/**
 * Twice the input takes 2.5 times the time at most, where what grows in the square takes four times; doubled twice, so that the two are
 * far apart. `size` is where the square would show; it is doubled until the work takes some time. What else runs, garbage collection
 * included, can only add to a time: so the least of some rounds counts.
 */
export function expectLinear(size: number, work: (size: number) => void): void {
  const least = (n: number, time: number) =>
    Math.min(
      time,
      processorTime(() => work(n)),
    )
  let n = size
  work(n)
  let once = least(n, Number.POSITIVE_INFINITY)
  for (; once < enough; once = least(n, Number.POSITIVE_INFINITY)) n *= 2
  let fourfold = Number.POSITIVE_INFINITY
  const start = performance.now()
  const isUndecided = () => fourfold > 2.5 ** 2 * once && performance.now() - start < patience
  for (let round = 0; round < mostRounds && isUndecided(); round++) {
    fourfold = least(4 * n, fourfold)
    once = least(n, once)
  }
  const growth = Math.sqrt(fourfold / once)
  expect(growth, `${n}: ${once.toFixed(0)} ms, ${4 * n}: ${fourfold.toFixed(0)} ms`).toBeLessThan(2.5)
}
