import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { processorSlowdown } from './patience.js'
import { expectBelow } from './promptly.js'

/**
 * Milliseconds of processor time that this thread alone took so far. Those of the process would count what compiles and collects garbage
 * beside it, which holds up nobody; wall-clock time, what else the machine does.
 */
const threadTime = (() => {
  const path = '/proc/thread-self/schedstat'
  try {
    readFileSync(path)
    return () => Number(readFileSync(path, 'latin1').split(' ', 1)[0]) / 1e6
  } catch {
    return () => process.cpuUsage().user / 1e3 // a kernel that does not say
  }
})()

/** The most processor time that passed between two turns of the event loop while something was done, well or in vain: milliseconds. */
async function longestTurn(work: () => Promise<unknown>): Promise<number> {
  let last = threadTime()
  let longest = 0
  const look = () => {
    const now = threadTime()
    longest = Math.max(longest, now - last)
    last = now
  }
  const timer = setInterval(look, 1)
  await work().catch(() => {})
  await sleep(5)
  look()
  clearInterval(timer)
  return longest / processorSlowdown()
}

/**
 * Fails unless something, done well or in vain, leaves the event loop its turns: none longer than a bound in milliseconds of processor time.
 * It is done again where one was longer, since garbage is collected in somebody's turn.
 */
export function expectShortTurns(bound: number, work: () => Promise<unknown>): Promise<void> {
  return expectBelow(bound, () => longestTurn(work))
}
