// Bounds on time that mean the same on any machine: how much longer than here, and than alone, things take at this moment.

/** A piece of work for one core. */
function work(): number {
  let sum = 0
  for (let i = 0; i < 400_000; i++) sum = (sum * 31 + i) | 0
  return sum
}

/** Milliseconds of the work on the machine that the tests' bounds were chosen on. A slower one gets more time for everything. */
const ours = 0.6

/** Processor time of this process, all its threads, in milliseconds. */
function processorMilliseconds(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1000
}

function millisecondsOf(repetitions: number, clock: () => number): number {
  const start = clock()
  for (let i = 0; i < repetitions; i++) work()
  return (clock() - start) / repetitions
}

const now = () => performance.now()

/** What the work takes when nobody disturbs: the shortest of many, as each is shorter than a slice of the scheduler. */
let undisturbed = ours
for (let i = 0; i < 100; i++) undisturbed = Math.min(undisturbed, millisecondsOf(1, now))

/**
 * How many times longer than undisturbed work takes at this moment: 1 on a free machine, 2 or 3 beside processes that use all cores, twice
 * that at half the speed. Bounds in wall-clock time are multiplied by it. Looking takes 40 ms, times itself.
 */
export function slowdown(): number {
  return Math.max(1, millisecondsOf(60, now) / undisturbed)
}

/** The same of processor time, in which waiting for a core does not count: more than 1 where the cores are slow, or shared by two threads. */
export function processorSlowdown(): number {
  return Math.max(1, millisecondsOf(5, processorMilliseconds) / ours)
}

/** Looking for the slowdown takes 3 ms, too long for thousands of small pieces of work. */
const lessThanAnyBound = 100

/**
 * Starts to measure; its result says how many milliseconds of processor time this process, all its threads, took since, as if on the machine
 * that the bounds were chosen on: what a bound on work is compared with, whatever else runs.
 */
export function startWork(): () => number {
  const start = processorMilliseconds()
  return () => {
    const spent = processorMilliseconds() - start
    return spent < lessThanAnyBound ? spent : spent / processorSlowdown()
  }
}
