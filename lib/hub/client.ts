import { QuernError } from '../errors.js'
import type { HubEnvironment } from './environment.js'
import type { HubLimits } from './limits.js'
import { checkStatus } from './status.js'
import { Transient } from './retry.js'

/** A request's way to the hub. */
export interface HubRequest {
  /** From the endpoint on, escaped. */
  path: string
  method?: 'GET' | 'HEAD'
  headers?: Record<string, string>
  /** Do not follow a redirect to another host: the headers of the hub's own answer are what is asked for. */
  stayAtHub?: boolean
}

/** Reads an answer; must call `alive` for every piece of it that comes. */
type Reader<T> = (response: Response, alive: () => void) => Promise<T>

const maxRedirects = 8

/**
 * Speaks to one hub. Redirects are followed here and not by `fetch`, so that the token goes to the hub's own origin and nowhere else.
 * One request is one attempt: what may work the next time is thrown as `Transient`.
 */
export class HubClient {
  readonly endpoint: string
  private readonly origin: string
  private readonly token: string | undefined
  private readonly limits: HubLimits
  private readonly waiting: (() => void)[] = []
  private free: number

  constructor({ endpoint, token }: HubEnvironment, limits: HubLimits) {
    this.endpoint = endpoint
    this.origin = new URL(endpoint).origin
    this.token = token
    this.limits = limits
    this.free = limits.connections
  }

  /** Sends a request and hands the answer, whose status says success, to `read`. */
  async send<T>(request: HubRequest, signal: AbortSignal, read: Reader<T>): Promise<T> {
    await this.takeTurn()
    const controller = new AbortController()
    const abort = () => controller.abort(signal.reason)
    signal.addEventListener('abort', abort, { once: true })
    const { stallMs } = this.limits
    const stalled = setTimeout(
      () => controller.abort(new Error(`nothing came for ${stallMs / 1e3} s`)),
      stallMs,
    )
    try {
      signal.throwIfAborted()
      const response = await this.follow(request, controller.signal)
      try {
        stalled.refresh()
        return await read(response, () => stalled.refresh())
      } finally {
        await response.body?.cancel().catch(() => {})
      }
    } catch (error) {
      signal.throwIfAborted()
      if (
        error instanceof QuernError ||
        error instanceof Transient ||
        !isNetworkError(error, controller.signal)
      )
        throw error
      throw new Transient(unreachable(this.endpoint, error))
    } finally {
      clearTimeout(stalled)
      signal.removeEventListener('abort', abort)
      this.endTurn()
    }
  }

  private async follow(request: HubRequest, signal: AbortSignal): Promise<Response> {
    const { method = 'GET', headers = {}, stayAtHub = false } = request
    let url = new URL(this.endpoint + request.path)
    for (let hops = 0; hops <= maxRedirects; hops++) {
      const isHub = url.origin === this.origin
      const response = await fetch(url, {
        method,
        signal,
        redirect: 'manual',
        headers: {
          'user-agent': 'quern',
          // Sizes and ranges count the bytes as they are stored.
          'accept-encoding': 'identity',
          ...headers,
          ...(isHub && this.token !== undefined && { authorization: `Bearer ${this.token}` }),
        },
      })
      const next = redirectOf(response, url)
      if (next === undefined || (stayAtHub && next.origin !== this.origin)) {
        if (next === undefined)
          await checkStatus(response, { url, isHub, hasToken: this.token !== undefined })
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

  private async takeTurn(): Promise<void> {
    if (this.free > 0) this.free--
    else await new Promise<void>((resolve) => this.waiting.push(resolve))
  }

  private endTurn(): void {
    const next = this.waiting.shift()
    if (next) next()
    else this.free++
  }
}

function redirectOf(response: Response, from: URL): URL | undefined {
  if (![301, 302, 303, 307, 308].includes(response.status)) return undefined
  const location = response.headers.get('location') ?? ''
  const to = URL.canParse(location, from.href) ? new URL(location, from) : undefined
  if (to?.protocol === 'https:' || (to?.protocol === 'http:' && from.protocol === 'http:')) return to
  throw new QuernError(
    'hub_unavailable',
    `${from.origin}${from.pathname}: redirected to what is no address, or from https to an open one; check HF_ENDPOINT`,
  )
}

/** What fetch throws for a connection that fails, as opposed to an error of the reader's own. */
function isNetworkError(error: unknown, signal: AbortSignal): boolean {
  return (
    signal.aborted || (error instanceof TypeError && /fetch failed|terminated|network/i.test(error.message))
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
