import type { z } from 'zod'
import { ApiError, apiErrorOf, loadErrorOf } from './api-error.js'
import type { CallReport } from './log/call-report.js'
import type { Outcome, ServerMetrics } from './metrics/server-metrics.js'
import type { StoredResponses } from './openai/responses/stored-responses.js'
import type { RunningCalls } from './running-calls.js'
import type { Lease } from './served-model.js'
import type { ServedModels } from './served-models.js'
import type { Settings } from './settings.js'

/** What all requests to a server share. */
export interface ServerContext {
  models: ServedModels
  settings: Settings
  metrics: ServerMetrics
  running: RunningCalls
  responses: StoredResponses
}

/** What a call is told of its request, and of the server that it came to. */
export interface CallContext extends ServerContext {
  /** What the variables of its path stand for: `{ id: 'resp_1' }` for `/v1/responses/:id`. */
  params: Readonly<Record<string, string>>
  report: CallReport
  /** The connection's way out, if Node.js serves it. */
  outgoing: { destroy(): void } | undefined
}

/** A request that is being answered. */
export class Call {
  readonly id: string
  readonly params: Readonly<Record<string, string>>
  readonly models: ServedModels
  readonly settings: Settings
  readonly metrics: ServerMetrics
  readonly running: RunningCalls
  readonly responses: StoredResponses
  readonly #report: CallReport
  readonly #outgoing: CallContext['outgoing']
  readonly #controller = new AbortController()
  readonly #onEnd: () => void
  readonly #leases: Lease[] = []
  #timer: NodeJS.Timeout | undefined
  /** Whether a model has computed something for it, which may be but a part of what it wants. */
  #hasWorked = false
  #isOver = false

  constructor(
    { params, models, settings, metrics, running, responses, report, outgoing }: CallContext,
    onEnd: () => void,
  ) {
    this.id = report.id
    this.params = params
    this.models = models
    this.settings = settings
    this.metrics = metrics
    this.running = running
    this.responses = responses
    this.#report = report
    this.#outgoing = outgoing
    this.#onEnd = onEnd
    running.add(this)
    if (settings.timeoutMs === undefined) return
    const message = `the request took longer than the ${settings.timeoutMs / 1e3} s that this server allows`
    this.#timer = setTimeout(() => this.abort(new ApiError(504, 'timeout', message)), settings.timeoutMs)
  }

  /** Aborted when nobody waits for the answer any more: the client is gone, the time is up, or the server ends. */
  get signal(): AbortSignal {
    return this.#controller.signal
  }

  abort(reason: ApiError): void {
    this.#controller.abort(reason)
  }

  /** Cuts the connection, where that is possible. */
  hangUp(): boolean {
    this.#outgoing?.destroy()
    return this.#outgoing !== undefined
  }

  /** The client is gone. */
  abandon(): void {
    this.abort(new ApiError(499, 'client_gone', 'the client closed the connection'))
  }

  /**
   * The model of a name, or the first; it stays loaded until the call ends.
   *
   * @throws {ApiError} 404 for a name that is not served; 500 for what `load()` was told wrong. Otherwise what `load()` throws.
   */
  async model(name?: string): Promise<Lease> {
    const served = this.models.named(name)
    this.#report.model = served.name
    const lease = await served.lease().catch((error) => {
      throw loadErrorOf(error)
    })
    if (this.#isOver) lease.release()
    else this.#leases.push(lease)
    return lease
  }

  /** What one of its generations came to, for log and metrics: its `result()`, or its `stream-end` event. */
  completed(outcome: Outcome): void {
    this.#report.completed(outcome)
    this.metrics.completed(this.#report.model ?? '', outcome)
    if (outcome.finishReason !== 'cancelled') this.#hasWorked = true
  }

  /** How many tokens a task without a generation took in, for log and metrics: texts to embed or to rank. */
  took(promptTokens: number): void {
    this.#report.took({ promptTokens, cachedTokens: 0, completionTokens: 0 })
    this.metrics.took(this.#report.model ?? '', promptTokens, 0)
    if (promptTokens > 0) this.#hasWorked = true
  }

  /** What went wrong, for the log and for the models that it may be the end of; the call's end comes later. */
  failed(error: unknown): void {
    this.#report.error ??= error
    for (const lease of this.#leases) lease.failed(error)
  }

  /** What went wrong, as the client may see it: of a model whose device failed also when it may be asked for again, if ever. */
  told(error: unknown): ApiError {
    const told = apiErrorOf(error)
    const { model } = this.#report
    const isOfDevice = told.code === 'device_failed' || told.code === 'no_device'
    return (isOfDevice && model !== undefined && this.models.named(model).outage) || told
  }

  /** The answer is complete, or is never going to be. */
  end(): void {
    if (this.#isOver) return
    this.#isOver = true
    clearTimeout(this.#timer)
    const isDone = this.#hasWorked && this.#report.error === undefined
    for (const lease of this.#leases) {
      if (isDone) lease.worked()
      lease.release()
    }
    this.running.delete(this)
    this.#onEnd()
  }
}

/** An operation of the API: a row of the table that the server, its OpenAPI document and its tests are made of. */
export interface Endpoint {
  method: 'get' | 'post' | 'delete'
  /** As Hono has it: `:name` is a variable up to the next slash, `:name{.+}` one that may hold slashes. */
  path: string
  /** What it does, in a line. */
  summary: string
  /** Which API's shape its errors have. */
  dialect: 'openai' | 'anthropic'
  /** What its body must be; nothing for one without a body. */
  body?: z.ZodType
  /** What its answer is: for the OpenAPI document, and for the tests, which hold answers against it. Nothing: JSON of some kind. */
  answer?: z.ZodType
  /** What kind of answer it is. Default: application/json. */
  answerType?: string
  /** It answers with server-sent events where the body asks for them. */
  streams?: boolean
  /** It answers without an API key, and while the server ends. */
  isOpen?: boolean
  handle(body: unknown, call: Call): Promise<Response> | Response
}

/** An endpoint whose handler gets its body as the schema has it. */
export function endpoint<Body extends z.ZodType>(
  row: Omit<Endpoint, 'handle' | 'body' | 'dialect'> & {
    dialect?: Endpoint['dialect']
    body?: Body
    handle(body: z.output<Body>, call: Call): Promise<Response> | Response
  },
): Endpoint {
  return { dialect: 'openai', ...row } as Endpoint
}
