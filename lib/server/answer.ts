import type { Context } from 'hono'
import { anthropicErrorBody } from './anthropic/error-body.js'
import { type ApiError, apiErrorOf, errorBody } from './api-error.js'
import { Call, type Endpoint, type ServerContext } from './call.js'
import type { Guard } from './guards/guard.js'
import { CallReport } from './log/call-report.js'
import { logCall } from './log/log-call.js'
import { readBody } from './read-body.js'
import { requestId } from './request-id.js'
import { untilAborted } from './until-aborted.js'

/** What a request is answered with. */
export interface Server extends ServerContext {
  /** What a request must pass that is not for everybody. */
  guards: readonly Guard[]
}

/** Where an API's clients look for the request's id. */
const idHeaders = {
  openai: ['x-request-id'],
  anthropic: ['x-request-id', 'request-id'],
} as const satisfies Record<Endpoint['dialect'], readonly string[]>

/** A request from its body to its answer, or to what is told of its failure. */
export async function answer(row: Endpoint, { req, env }: Context, server: Server): Promise<Response> {
  const report = new CallReport(requestId(req.raw), req.method, req.path)
  const { signal } = req.raw
  let status = 200
  const params = req.param() as Record<string, string>
  const call = new Call({ ...server, params, report, outgoing: env?.outgoing }, () => {
    signal.removeEventListener('abort', abandon)
    conclude(row, report, status, server)
  })
  const abandon = () => call.abandon()
  signal.addEventListener('abort', abandon)
  try {
    const response = await untilAborted(respond(row, req.raw, call, server), call.signal)
    status = response.status
    for (const name of idHeaders[row.dialect]) response.headers.set(name, report.id)
    if (!isStream(response)) call.end()
    return response
  } catch (thrown) {
    const error = signal.aborted ? call.signal.reason : thrown // a body that breaks off, for instance
    env?.onFailure?.(error)
    call.failed(error)
    const told = call.told(error)
    status = told.status
    call.end()
    return errorResponse(told, row.dialect, report.id)
  }
}

async function respond(row: Endpoint, request: Request, call: Call, server: Server): Promise<Response> {
  if (!row.isOpen) for (const guard of server.guards) guard(request)
  if (row.body) server.running.expectOpen()
  const body = row.body && (await readBody(request, row.body, server.settings.maxBodyBytes))
  return row.handle(body, call)
}

/** What was done of a request, for those who run the server. */
function conclude(row: Endpoint, report: CallReport, status: number, { metrics, settings }: Server): void {
  const { model, usage, error } = report
  metrics.answered(report.method, row.path, status)
  const failure = error === undefined ? undefined : apiErrorOf(error).status
  if (model !== undefined && usage === undefined && failure !== undefined) {
    if (failure === 499) metrics.broken(model, 'abort')
    else if (failure >= 500) metrics.broken(model, 'error')
  }
  const isProbe = row.isOpen && error === undefined
  if (!isProbe) logCall(settings.logger, report, status)
}

/** A stream ends its call itself, when it ends. */
function isStream(response: Response): boolean {
  return response.headers.get('content-type')?.startsWith('text/event-stream') === true
}

/** What a client is told of a failure, in the words of the API that it speaks. */
export function errorResponse(error: ApiError, dialect: Endpoint['dialect'], id: string): Response {
  const body = dialect === 'anthropic' ? anthropicErrorBody(error, id) : errorBody(error)
  const headers = Object.fromEntries(idHeaders[dialect].map((name) => [name, id]))
  return Response.json(body, { status: error.status, headers: { ...error.headers, ...headers } })
}
