import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'vitest'

/** Milliseconds after which what has not come will not, on however slow and busy a machine. */
const hang = 60_000

/** Waits until the condition holds, and gives the milliseconds that it took. */
export async function eventually(condition: () => boolean, what: string): Promise<number> {
  const start = performance.now()
  while (!condition()) {
    const milliseconds = performance.now() - start
    if (milliseconds >= hang) expect.fail(`${what}: not within ${hang / 1000} s`)
    await sleep(1)
  }
  return performance.now() - start
}
