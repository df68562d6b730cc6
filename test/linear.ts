// Work that grows with its input, and no faster.
import { expect } from 'vitest'

/** How long work takes that is done `repeats` times, in milliseconds. */
type Clock = (repeats: number, work: () => void) => number

/** Processor time of this process: what others do on the machine counts little. */
function processorTime(repeats: number, work: () => void): number {
  const before = process.cpuUsage()
  for (let i = 0; i < repeats; i++) work()
  const { user, system } = process.cpuUsage(before)
  return (user + system) / 1e3
}

/** Measures at each call, 20 ms at least, and gives the least so far: what else runs, garbage collection included, can only add. */
function leastTime(work: () => void, clock: Clock): () => number {
  const enough = 20
  let repeats = 1
  let least = Number.POSITIVE_INFINITY
  return () => {
    let time = clock(repeats, work)
    for (; time < enough; time = clock(repeats, work)) repeats *= 2
    least = Math.min(least, time / repeats)
    return least
  }
}

/** What twice the input may cost, as a multiple. */
const most = 2.5

interface Growth {
  perDoubling: number
  short: number
  long: number
}

/** From an input to one of four times its length, measured until it is less than the most, or for 1 s of processor time. */
function growth(shortTime: () => number, longTime: () => number): Growth {
  const mostRounds = 30
  const patience = 1000
  let spent = 0
  for (let round = 1; ; round++) {
    let long = 0
    let short = 0
    spent += processorTime(1, () => {
      long = longTime()
      short = shortTime() // after the other, or code not yet at its fastest would hide a growth
    })
    const perDoubling = Math.sqrt(long / short)
    if (perDoubling < most || round === mostRounds || spent > patience) return { perDoubling, short, long }
  }
}

/**
 * Twice the input takes 2.5 times the time at most, where what grows in the square takes four times; doubled twice, so that the two are
 * far apart. `size` is where the square would show. Linear work has steps too, where what it holds outgrows a cache or the young generation
 * of the heap, and one may look like a square. So where four times the input leave a doubt, 16 and then 64 times it decide: beyond the step
 * all is linear, while a square shows the more the larger it is.
 */
export function expectLinear(size: number, work: (size: number) => void, clock: Clock = processorTime): void {
  const longest = 5000
  const growths: number[] = []
  const measured: string[] = []
  let shortTime = leastTime(() => work(size), clock)
  shortTime() // compiled
  for (let short = size; short <= 16 * size; short *= 4) {
    const longTime = leastTime(() => work(4 * short), clock)
    const found = growth(shortTime, longTime)
    if (found.perDoubling < most) return
    growths.push(found.perDoubling)
    measured.push(`${short}: ${found.short.toFixed(2)} ms, ${4 * short}: ${found.long.toFixed(2)} ms`)
    if (16 * found.long > longest) break // what a square takes next
    shortTime = longTime
  }
  expect(Math.min(...growths), measured.join('; ')).toBeLessThan(most)
}
