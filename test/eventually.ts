import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'vitest'

/** Waits until the condition holds, and gives the milliseconds that it took; fails after `within`. */
export async function eventually(condition: () => boolean, what: string, within = 5000): Promise<number> {
  const start = performance.now()
  while (!condition()) {
    expect(performance.now() - start, `milliseconds until ${what}`).toBeLessThan(within)
    await sleep(1)
  }
  return performance.now() - start
}
