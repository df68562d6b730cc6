import { type Context, Hono } from 'hono'
import { cors } from 'hono/cors'
import type { ModelInfo } from '../index.js'
import { answer, errorResponse, type Server } from './answer.js'
import { ApiError, apiErrorOf } from './api-error.js'
import { type AppOptions, appOptionShape, checkOptions, settingsOf } from './app-options.js'
import type { Endpoint } from './call.js'
import { endpoints } from './endpoints.js'
import { apiKeyGuard } from './guards/api-key.js'
import type { Guard } from './guards/guard.js'
import { hostGuard } from './guards/host.js'
import { CallReport } from './log/call-report.js'
import { logCall } from './log/log-call.js'
import { ServerMetrics } from './metrics/server-metrics.js'
import { StoredResponses } from './openai/responses/stored-responses.js'
import { addPage } from './page/page.js'
import { requestId } from './request-id.js'
import { RunningCalls } from './running-calls.js'
import { ServedModels } from './served-models.js'
import type { Settings } from './settings.js'

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
  /**
   * Loads the models that are not, one after the other, before anybody asks for them; until then `/ready` fails. Gives what they are.
   *
   * @throws {QuernError} what `load()` throws.
   */
  preload(): Promise<ModelInfo[]>
  /**
   * Takes no more requests, lets those that run end, and frees the models that it has loaded; those that were given loaded stay their owner's.
   * What still runs after `grace` seconds is told that the server ends: those of the options, unless others are given here. It may be called
   * again, to hurry.
   */
  close(options?: { grace?: number }): Promise<void>
}

/**
 * Makes an app of everything that is served.
 *
 * @throws {QuernError} `invalid_option`, `unsupported_option`.
 * @example
 * ```ts
 * const mine = new Hono()
 * mine.route('/llm', createApp({ models: { demo: await load() } }))
 * ```
 */
export function createApp(options: AppOptions): ServerApp {
  checkOptions('createApp', options, appOptionShape)
  const settings = settingsOf(options)
  const server: Server = {
    models: new ServedModels(options.models, settings.logger),
    settings,
    metrics: new ServerMetrics(),
    running: new RunningCalls(),
    responses: new StoredResponses(),
    guards: guardsOf(settings),
  }
  const app = new Hono()
  if (settings.cors.length > 0) app.use(crossOrigin(settings.cors))
  for (const row of endpoints) {
    app.on(row.method.toUpperCase(), row.path, (context) => answer(row, context, server))
  }
  for (const { path, dialect } of new Map(endpoints.map((row) => [row.path, row])).values()) {
    app.all(path, (context) => refuse(context, server, dialect, () => wrongMethod(context, path)))
  }
  if (settings.hasPage) {
    const check = settings.allowedHosts ? hostGuard(settings.allowedHosts) : () => {}
    addPage(app, check, (context, why) => refuse(context, { ...server, guards: [] }, 'openai', why))
  }
  app.notFound((context) => refuse(context, server, 'openai', () => unknownPath(context)))
  return Object.assign(app, {
    preload: () => server.models.preload(),
    async close({ grace = settings.graceMs / 1e3 } = {}) {
      await server.running.drain(1e3 * grace)
      await server.models.close()
    },
  })
}

function guardsOf({ allowedHosts, apiKeys }: Settings) {
  return [...(allowedHosts ? [hostGuard(allowedHosts)] : []), ...(apiKeys ? [apiKeyGuard(apiKeys)] : [])]
}

/** What browsers must be told before they let pages of these origins read answers. */
function crossOrigin(origins: readonly string[]) {
  return cors({
    origin: origins.includes('*') ? '*' : [...origins],
    allowMethods: ['GET', 'POST', 'DELETE'],
    exposeHeaders: ['x-request-id', 'retry-after'],
    maxAge: 600,
  })
}

/** Answers a request that no row of the table is for; whoever may not ask is not told what there is. */
function refuse(
  { req }: Context,
  { guards, metrics, settings }: Server,
  dialect: Endpoint['dialect'],
  why: () => ApiError,
): Response {
  const report = new CallReport(requestId(req.raw), req.method, req.path)
  const error = refusal(req.raw, guards, why)
  report.error = error
  metrics.answered('other', 'other', error.status)
  logCall(settings.logger, report, error.status)
  return errorResponse(error, dialect, report.id)
}

function refusal(request: Request, guards: readonly Guard[], why: () => ApiError): ApiError {
  try {
    for (const guard of guards) guard(request)
    return why()
  } catch (error) {
    return apiErrorOf(error)
  }
}

function wrongMethod({ req }: Context, path: string): ApiError {
  const methods = endpoints.filter((row) => row.path === path).map((row) => row.method.toUpperCase())
  const message = `${req.path} does not take ${req.method.slice(0, 20)}, but ${methods.join(' and ')}`
  return new ApiError(405, 'method_not_allowed', message, { headers: { Allow: methods.join(', ') } })
}

function unknownPath({ req }: Context): ApiError {
  const message = `there is no ${req.method.slice(0, 20)} ${req.path.slice(0, 200)} here; GET /openapi.json lists what there is`
  return new ApiError(404, 'not_found', message)
}
