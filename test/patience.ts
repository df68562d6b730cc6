/** A piece of work for one core, of about a millisecond. */
function work(): number {
  let sum = 0
  for (let i = 0; i < 400_000; i++) sum = (sum * 31 + i) | 0
  return sum
}

function millisecondsOf(repetitions: number): number {
  const start = performance.now()
  for (let i = 0; i < repetitions; i++) work()
  return (performance.now() - start) / repetitions
}

/** What the work takes when nobody disturbs: the shortest of many, as each is shorter than a slice of the scheduler. */
let undisturbed = Number.POSITIVE_INFINITY
for (let i = 0; i < 100; i++) undisturbed = Math.min(undisturbed, millisecondsOf(1))

/**
 * How many times longer than undisturbed work takes at this moment: 1 on a free machine, 2 or 3 beside processes that use all cores. Bounds
 * in wall-clock time are multiplied by it. Looking takes 40 ms, times itself.
 */
export function slowdown(): number {
  return Math.max(1, millisecondsOf(60) / undisturbed)
}

/** The processor time of this process, all its threads, in milliseconds: what a bound on work is compared with, whatever else runs. */
export function processorMilliseconds(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1000
}
