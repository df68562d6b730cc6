import { setTimeout as sleep } from 'node:timers/promises'
import type { QuernError } from '../errors.js'
import type { HubLimits } from './limits.js'

/** A failure that may not happen again; after the last attempt its `failure` is what the caller gets. */
export class Transient extends Error {
  override readonly name = 'Transient'
  readonly failure: QuernError
  /** How long the hub asks to wait. */
  readonly waitMs: number | undefined

  constructor(failure: QuernError, waitMs?: number) {
    super(failure.message)
    this.failure = failure
    this.waitMs = waitMs
  }
}

/**
 * Tries until it works, fails for good, or has failed too often in a row. Pauses double and are spread at random, so that many
 * clients that lost the same hub do not come back at the same moment.
 */
export async function retrying<T>(
  limits: Pick<HubLimits, 'attempts' | 'backoffMs' | 'maxWaitMs'>,
  signal: AbortSignal,
  attempt: (progressed: () => void) => Promise<T>,
): Promise<T> {
  for (let failed = 0; ; ) {
    signal.throwIfAborted()
    try {
      return await attempt(() => {
        failed = 0
      })
    } catch (error) {
      signal.throwIfAborted()
      if (!(error instanceof Transient)) throw error
      if (++failed >= limits.attempts || (error.waitMs ?? 0) > limits.maxWaitMs) throw error.failure
      const backoff = limits.backoffMs * 2 ** (failed - 1) * (1 + Math.random())
      await pause(Math.max(error.waitMs ?? 0, Math.min(backoff, limits.maxWaitMs)), signal)
    }
  }
}

async function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  try {
    await sleep(milliseconds, undefined, { signal })
  } catch {
    signal.throwIfAborted()
  }
}
