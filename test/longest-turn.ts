import { setTimeout as sleep } from 'node:timers/promises'
import { processorSlowdown } from './patience.js'

/**
 * The most processor time that passed between two turns of the event loop while something was done, well or in vain: milliseconds as of
 * `startWork()`. Wall-clock time would say what else the machine does.
 */
export async function longestTurn(work: () => Promise<unknown>): Promise<number> {
  let last = process.cpuUsage().user
  let longest = 0
  const look = () => {
    const now = process.cpuUsage().user
    longest = Math.max(longest, now - last)
    last = now
  }
  const timer = setInterval(look, 1)
  await work().catch(() => {})
  await sleep(5)
  look()
  clearInterval(timer)
  return longest / 1e3 / processorSlowdown()
}
