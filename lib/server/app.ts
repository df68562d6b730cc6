import { randomUUID } from 'node:crypto'
import { type Context, Hono } from 'hono'
import type { ContentfulStatusCode } from 'hono/utils/http-status'
import type { Model } from '../index.js'
import { anthropicErrorBody } from './anthropic/error-body.js'
import { ApiError, apiErrorOf, errorBody } from './api-error.js'
import { Call, type Endpoint } from './call.js'
import { endpoints } from './endpoints.js'
import { readBody } from './read-body.js'
import { type ModelSource, ServedModels } from './served-models.js'
import { defaultSettings, type Settings } from './settings.js'

/**
 * What an app serves, and how.
 *
 * @example
 * ```ts
 * const model = await load('Qwen/Qwen3-0.6B')
 * const app = createApp({ models: { 'qwen3-0.6b': model }, maxTokens: 1024 })
 * ```
 */
export interface AppOptions {
  /**
   * What is served, by the names that requests give; the first serves requests that name none. A loaded `Model` stays its owner's; a source
   * is loaded when it is first asked for.
   */
  models: Record<string, Model | ModelSource>
  /** Tokens that a request may generate at most. Default: what the context has room for. */
  maxTokens?: number | undefined
  /** Seconds that a request may take. Default: as long as it takes. */
  timeout?: number | undefined
  /** Bytes of a request's body that are read at most. Default: 4 MiB. */
  maxBodyBytes?: number | undefined
}

/**
 * OpenAI's API, and more, as a Hono app: serve it, or mount it in an app of your own.
 *
 * @example
 * ```ts
 * const app = createApp({ models: { demo: {} } })
 * const response = await app.request('/v1/models')
 * ```
 */
export interface ServerApp extends Hono {
  /** Frees the models that it has loaded. Those that were given loaded stay their owner's. */
  close(): Promise<void>
}

/**
 * Makes an app of everything that is served.
 *
 * @example
 * ```ts
 * const mine = new Hono()
 * mine.route('/llm', createApp({ models: { demo: await load() } }))
 * ```
 */
export function createApp(options: AppOptions): ServerApp {
  const models = new ServedModels(options.models)
  const settings = settingsOf(options)
  const app = new Hono()
  for (const row of endpoints) {
    app.on(row.method.toUpperCase(), row.path, (context) => answer(row, context, models, settings))
  }
  app.notFound((context) => {
    const message = `there is no ${context.req.method} ${context.req.path} here; GET /openapi.json lists what there is`
    return errorResponse(new ApiError(404, 'not_found', message), 'openai', undefined)
  })
  return Object.assign(app, { close: () => models.close() })
}

function settingsOf({ maxTokens, timeout, maxBodyBytes }: AppOptions): Settings {
  return {
    ...defaultSettings,
    ...(maxBodyBytes !== undefined && { maxBodyBytes }),
    maxTokens,
    timeoutMs: timeout === undefined ? undefined : 1e3 * timeout,
  }
}

/** A request from its body to its answer, or to what is told of its failure. */
async function answer(
  row: Endpoint,
  { req }: Context,
  models: ServedModels,
  settings: Settings,
): Promise<Response> {
  const id = `req_${randomUUID().replaceAll('-', '')}`
  const { signal } = req.raw
  const params = req.param() as Record<string, string>
  const call = new Call({ id, params, models, settings }, () => signal.removeEventListener('abort', abandon))
  const abandon = () => call.abandon()
  signal.addEventListener('abort', abandon)
  try {
    const body = row.body && (await readBody(req.raw, row.body, settings.maxBodyBytes))
    const response = await row.handle(body, call)
    response.headers.set('x-request-id', id)
    if (!isStream(response)) call.end()
    return response
  } catch (error) {
    call.failed(error)
    call.end()
    return errorResponse(apiErrorOf(error), row.dialect, id)
  }
}

/** A stream ends its call itself, when it ends. */
function isStream(response: Response): boolean {
  return response.headers.get('content-type')?.startsWith('text/event-stream') === true
}

function errorResponse(error: ApiError, dialect: Endpoint['dialect'], id: string | undefined): Response {
  const body = dialect === 'anthropic' ? anthropicErrorBody(error, id) : errorBody(error)
  return Response.json(body, {
    status: error.status as ContentfulStatusCode,
    headers: { ...error.headers, ...(id !== undefined && { 'x-request-id': id }) },
  })
}
