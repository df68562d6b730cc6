import { setTimeout as sleep } from 'node:timers/promises'
import type { QuernError } from '../errors.js'
import type { HubLimits } from './limits.js'

/** A failure that may not happen again; after the last attempt its `failure` is what the caller gets. */
export class Transient extends Error {
  override readonly name = 'Transient'
  readonly failure: QuernError
  /** How long the hub asks to wait. */
  readonly waitMs: number | undefined
  /** The peer kept us waiting, which is worth two attempts in a row and no more. */
  readonly isSlow: boolean

  constructor(failure: QuernError, details: { waitMs?: number | undefined; isSlow?: boolean } = {}) {
    super(failure.message)
    this.failure = failure
    this.waitMs = details.waitMs
    this.isSlow = details.isSlow ?? false
  }
}

/** What one hub's requests that are tried again have in common. */
export interface Retries {
  limits: Pick<HubLimits, 'attempts' | 'backoffMs' | 'maxWaitMs' | 'tellMs'>
  /** Called before a pause that people would wonder about. */
  tell(message: string): void
}

/** Of many connections that fail together, one is told about. */
const quietMs = 5000

/** Passes a message on, unless another one was a moment ago. */
export function nowAndThen(tell: (message: string) => void): (message: string) => void {
  let told = Number.NEGATIVE_INFINITY
  return (message) => {
    if (performance.now() - told < quietMs) return
    told = performance.now()
    tell(message)
  }
}

/**
 * Tries until it works, fails for good, or has failed too often in a row. Pauses double and are spread at random, so that many
 * clients that lost the same hub do not come back at the same moment.
 */
export async function retrying<T>(
  { limits, tell }: Retries,
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
      failed += error.isSlow ? Math.ceil(limits.attempts / 2) : 1
      if (failed >= limits.attempts || (error.waitMs ?? 0) > limits.maxWaitMs) throw error.failure
      const backoff = limits.backoffMs * 2 ** (failed - 1) * (1 + Math.random())
      const milliseconds = Math.max(error.waitMs ?? 0, Math.min(backoff, limits.maxWaitMs))
      if (milliseconds >= limits.tellMs)
        tell(`trying again in ${Math.ceil(milliseconds / 1e3)} s: ${error.message}`)
      await pause(milliseconds, signal)
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
