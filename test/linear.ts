// Work that grows with its input, and no faster.
import { expect } from 'vitest'

/** How long work takes that is done `repeats` times, in milliseconds. */
type Clock = (repeats: number, work: () => unknown) => Promise<number>

/** Processor time of this process: what others do on the machine counts little. */
async function processorTime(repeats: number, work: () => unknown): Promise<number> {
  const before = process.cpuUsage()
  for (let i = 0; i < repeats; i++) await work()
  const { user, system } = process.cpuUsage(before)
  return (user + system) / 1e3
}

/** Measures at each call, 20 ms at least, and gives the least so far: what else runs, garbage collection included, can only add. */
function leastTime(work: () => unknown, clock: Clock): () => Promise<number> {
  const enough = 20
  let repeats = 1
  let least = Number.POSITIVE_INFINITY
  return async () => {
    let time = await clock(repeats, work)
    for (; time < enough; time = await clock(repeats, work)) repeats *= 2
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
async function growth(shortTime: () => Promise<number>, longTime: () => Promise<number>): Promise<Growth> {
  const mostRounds = 30
  const patience = 1000
  let spent = 0
  for (let round = 1; ; round++) {
    let long = 0
    let short = 0
    spent += await processorTime(1, async () => {
      long = await longTime()
      short = await shortTime() // after the other, or code not yet at its fastest would hide a growth
    })
    const perDoubling = Math.sqrt(long / short)
    if (perDoubling < most || round === mostRounds || spent > patience) return { perDoubling, short, long }
  }
}

/** The growth in one window after the other, each four times as far as the one before; empty where one of them is linear. */
async function growths(size: number, work: (size: number) => unknown, clock: Clock): Promise<Growth[]> {
  const longest = 5000
  const found: Growth[] = []
  let shortTime = leastTime(() => work(size), clock)
  await shortTime() // compiled
  for (let short = size; short <= 16 * size; short *= 4) {
    const longTime = leastTime(() => work(4 * short), clock)
    const window = await growth(shortTime, longTime)
    if (window.perDoubling < most) return []
    found.push(window)
    if (16 * window.long > longest) break // what a square takes next
    shortTime = longTime
  }
  return found
}

/**
 * Twice the input takes 2.5 times the time at most, where what grows in the square takes four times; doubled twice, so that the two are
 * far apart. `size` is where the square would show. Linear work has steps too, where what it holds outgrows a cache or the young generation
 * of the heap, and one may look like a square. So where four times the input leave a doubt, 16 and then 64 times it decide: beyond the step
 * all is linear, while a square shows the more the larger it is. And it shows each time: three measurements must say so, since a collection
 * of garbage may come in one, while the machine is busy. What the work gives is waited for.
 */
export async function expectLinear(
  size: number,
  work: (size: number) => unknown,
  clock: Clock = processorTime,
): Promise<void> {
  let found: Growth[] = []
  for (let measurement = 0; measurement < 3; measurement++) {
    found = await growths(size, work, clock)
    if (found.length === 0) return
  }
  const measured = found.map(
    ({ short, long }, i) =>
      `${size * 4 ** i}: ${short.toFixed(2)} ms, ${size * 4 ** (i + 1)}: ${long.toFixed(2)} ms`,
  )
  expect(Math.min(...found.map(({ perDoubling }) => perDoubling)), measured.join('; ')).toBeLessThan(most)
}
