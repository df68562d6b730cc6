import { ApiError } from './api-error.js'

/** What can be ended before it is done. */
interface Abortable {
  abort(reason: ApiError): void
}

/** The requests that are being answered, so that a server can end without cutting them short. */
export class RunningCalls {
  readonly #calls = new Set<Abortable>()
  #whenIdle: (() => void)[] = []
  #isDraining = false

  /** Whether no more are taken. */
  get isDraining(): boolean {
    return this.#isDraining
  }

  add(call: Abortable): void {
    this.#calls.add(call)
  }

  delete(call: Abortable): void {
    this.#calls.delete(call)
    if (this.#calls.size > 0) return
    for (const resolve of this.#whenIdle.splice(0)) resolve()
  }

  /** @throws {ApiError} 503 once they are being drained. */
  expectOpen(): void {
    if (this.#isDraining) throw closing()
  }

  /** Takes no more, and waits for those that run; what still runs after the time is told that the server ends. */
  async drain(graceMs: number): Promise<void> {
    this.#isDraining = true
    const idle = new Promise<void>((resolve) => {
      if (this.#calls.size === 0) resolve()
      else this.#whenIdle.push(resolve)
    })
    const timer = setTimeout(() => {
      for (const call of this.#calls) call.abort(closing())
    }, graceMs)
    await idle
    clearTimeout(timer)
  }
}

/** What is told to whoever comes while the server ends. */
export function closing(): ApiError {
  return new ApiError(503, 'closing', 'the server is shutting down: ask again in a moment', {
    headers: { 'Retry-After': '1', Connection: 'close' },
  })
}
