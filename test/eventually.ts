import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'vitest'
import { slowdown } from './patience.js'

/** Waits until the condition holds, and gives the milliseconds that it took; fails after `within`, later on a busy machine. */
export async function eventually(condition: () => boolean, what: string, within = 5000): Promise<number> {
  const start = performance.now()
  while (!condition()) {
    const milliseconds = performance.now() - start
    if (milliseconds >= within)
      expect(milliseconds, `milliseconds until ${what}`).toBeLessThan(within * slowdown())
    await sleep(1)
  }
  return performance.now() - start
}
