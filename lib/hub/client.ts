import { QuernError } from '../errors.js'
import { onAbort } from '../on-abort.js'
import { Conversation, TooSlow } from './conversation.js'
import type { HubEnvironment } from './environment.js'
import type { HubLimits } from './limits.js'
import { nowAndThen, type Retries, retrying, Transient } from './retry.js'
import { checkStatus, RangesIgnored } from './status.js'

/** A request's way to the hub. */
export interface HubRequest {
  /** From the endpoint on, escaped. */
  path: string
  method?: 'GET' | 'HEAD'
  headers?: Record<string, string>
  /** Do not follow a redirect to another host: the headers of the hub's own answer are what is asked for. */
  stayAtHub?: boolean
  /** The answer is small: it must come within `answerMs`. */
  isSmall?: boolean
}

/** What came. */
export interface Answer {
  status: number
  headers: Headers
  body: AsyncIterable<Uint8Array>
}

const maxRedirects = 8

/**
 * Speaks to one hub. Redirects are followed here and not by `fetch`, so that the token goes to the hub's own origin and nowhere else.
 * One request is one attempt: what may work the next time is thrown as `Transient`.
 */
export class HubClient {
  readonly endpoint: string
  readonly #origin: string
  readonly #token: string | undefined
  readonly #limits: HubLimits
  readonly #retries: Retries
  readonly #waiting: (() => void)[] = []
  #free: number

  /** `tell` is called before a longer pause between two attempts. */
  constructor({ endpoint, token }: HubEnvironment, limits: HubLimits, tell: (message: string) => void) {
    this.endpoint = endpoint
    this.#origin = new URL(endpoint).origin
    this.#token = token
    this.#limits = limits
    this.#retries = { limits, tell: nowAndThen(tell) }
    this.#free = limits.connections
  }

  /** Does something until it works, as `retrying` says. */
  retry<T>(signal: AbortSignal, attempt: (progressed: () => void) => Promise<T>): Promise<T> {
    return retrying(this.#retries, signal, attempt)
  }

  /** Sends a request and hands the answer, whose status says success, to `read`. */
  async send<T>(request: HubRequest, signal: AbortSignal, read: (answer: Answer) => Promise<T>): Promise<T> {
    await this.#takeTurn()
    const controller = new AbortController()
    const unlisten = onAbort(signal, () => controller.abort(signal.reason))
    const totalMs = request.isSmall ? this.#limits.answerMs : Number.POSITIVE_INFINITY
    const conversation = new Conversation(this.#limits, totalMs, (slow) => controller.abort(slow))
    try {
      signal.throwIfAborted()
      const response = await this.#orLost(conversation.wait(this.#follow(request, controller.signal)))
      const { status, headers } = response
      try {
        return await read({ status, headers, body: this.#pieces(response, conversation) })
      } finally {
        await response.body?.cancel().catch(() => {})
      }
    } catch (error) {
      signal.throwIfAborted()
      throw error
    } finally {
      unlisten()
      this.#endTurn()
    }
  }

  async *#pieces({ body }: Response, conversation: Conversation): AsyncGenerator<Uint8Array> {
    const reader = body?.getReader()
    if (reader === undefined) return
    try {
      for (;;) {
        const { done, value } = await this.#orLost(conversation.wait(reader.read()))
        if (done) return
        conversation.came(value.byteLength)
        yield value
      }
    } catch (error) {
      throw error instanceof TooSlow ? this.#lost(error) : error
    } finally {
      await reader.cancel().catch(() => {})
      reader.releaseLock()
    }
  }

  /** Whatever fetch or a body fails with, the connection was lost; our own errors pass. */
  async #orLost<T>(coming: Promise<T>): Promise<T> {
    try {
      return await coming
    } catch (error) {
      const isOurs =
        error instanceof QuernError || error instanceof Transient || error instanceof RangesIgnored
      throw isOurs ? error : this.#lost(error)
    }
  }

  #lost(error: unknown): Transient {
    const isSlow = error instanceof TooSlow
    return new Transient(unreachable(this.endpoint, error), { isSlow })
  }

  async #follow(request: HubRequest, signal: AbortSignal): Promise<Response> {
    const { method = 'GET', headers = {}, stayAtHub = false } = request
    let url = new URL(this.endpoint + request.path)
    for (let hops = 0; hops <= maxRedirects; hops++) {
      const isHub = url.origin === this.#origin
      const response = await fetch(url, {
        method,
        signal,
        redirect: 'manual',
        headers: {
          'user-agent': 'quern',
          // Sizes and ranges count the bytes as they are stored.
          'accept-encoding': 'identity',
          ...headers,
          ...(isHub && this.#token !== undefined && { authorization: `Bearer ${this.#token}` }),
        },
      })
      const next = redirectOf(response, url)
      if (next === undefined || (stayAtHub && next.origin !== this.#origin)) {
        if (next === undefined)
          await checkStatus(response, {
            url,
            isHub,
            hasToken: this.#token !== undefined,
            isStart: headers.range?.startsWith('bytes=0-') ?? false,
          })
        return response
      }
      await response.body?.cancel().catch(() => {})
      url = next
    }
    throw new QuernError(
      'hub_unavailable',
      `${this.endpoint}${request.path}: redirected more than ${maxRedirects} times; check HF_ENDPOINT`,
      { value: request.path },
    )
  }

  async #takeTurn(): Promise<void> {
    if (this.#free > 0) this.#free--
    else await new Promise<void>((resolve) => this.#waiting.push(resolve))
  }

  #endTurn(): void {
    const next = this.#waiting.shift()
    if (next) next()
    else this.#free++
  }
}

function redirectOf(response: Response, from: URL): URL | undefined {
  if (![301, 302, 303, 307, 308].includes(response.status)) return undefined
  const location = response.headers.get('location') ?? ''
  const to = URL.canParse(location, from.href) ? new URL(location, from) : undefined
  const isSafe = to?.protocol === 'https:' || (to?.protocol === 'http:' && from.protocol === 'http:')
  if (to !== undefined && isSafe && to.username === '' && to.password === '') return to
  // The address may hold a password: it is not repeated.
  throw new QuernError(
    'hub_unavailable',
    `${from.origin}${from.pathname}: redirected to what is no address, to one with a user's name, or from https to an open one; check HF_ENDPOINT`,
  )
}

function unreachable(endpoint: string, error: unknown): QuernError {
  const { cause = error } = error as { cause?: unknown }
  const { code, message } = (
    cause instanceof AggregateError ? cause.errors[0] : cause
  ) as NodeJS.ErrnoException
  return new QuernError(
    'hub_unavailable',
    `${endpoint}: the connection failed (${code ?? message}); check the network, HF_ENDPOINT, and whether a proxy is needed`,
    { value: endpoint, cause: error },
  )
}
