// Work that grows with its input, and no faster.
import { expect } from 'vitest'

/** Less than this is dominated by other things than the work. Milliseconds. */
const enough = 20
const mostRounds = 30
/** No further round after this: what grows in the square takes long. Milliseconds of processor time. */
const patience = 4000

/** Processor time of this process, in milliseconds: what others do on the machine counts little. */
function processorTime(repeats: number, work: () => void): number {
  const before = process.cpuUsage()
  for (let i = 0; i < repeats; i++) work()
  const { user, system } = process.cpuUsage(before)
  return (user + system) / 1e3
}

/**
 * Twice the input takes 2.5 times the time at most, where what grows in the square takes four times; doubled twice, so that the two are
 * far apart. `size` is where the square would show; work that takes less than 20 ms there is repeated. What else runs, garbage collection
 * included, can only add to a time: so the least of some rounds counts.
 */
export function expectLinear(size: number, work: (size: number) => void): void {
  let spent = 0
  let repeats = 1
  work(size) // compiled
  let once = processorTime(repeats, () => work(size))
  for (; once < enough; once = processorTime(repeats, () => work(size))) repeats *= 2
  let fourfold = Number.POSITIVE_INFINITY
  for (let round = 0; round < mostRounds && spent < patience; round++) {
    const large = processorTime(repeats, () => work(4 * size))
    fourfold = Math.min(fourfold, large)
    if (fourfold < 2.5 ** 2 * once) break
    const small = processorTime(repeats, () => work(size))
    once = Math.min(once, small)
    spent += large + small
  }
  const growth = Math.sqrt(fourfold / once)
  const measured = `${size}: ${(once / repeats).toFixed(1)} ms, ${4 * size}: ${(fourfold / repeats).toFixed(1)} ms`
  expect(growth, measured).toBeLessThan(2.5)
}
