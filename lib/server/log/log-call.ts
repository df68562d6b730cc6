import { apiErrorOf } from '../api-error.js'
import type { CallReport } from './call-report.js'
import type { Logger } from './logger.js'

/** Writes what became of a request: a line that people read, and the same as fields. */
export function logCall(logger: Logger, report: CallReport, status: number): void {
  const { id, method, path, model, usage, firstTokenMs, error } = report
  const failure = error === undefined ? undefined : apiErrorOf(error)
  // That the time is up or the server ends is nobody's mistake.
  const isOurs = failure !== undefined && failure.status >= 500 && failure.cause !== undefined
  const fields = {
    id,
    method,
    path,
    status,
    ...(model !== undefined && { model }),
    ...(usage && {
      prompt_tokens: usage.promptTokens,
      cached_tokens: usage.cachedTokens,
      completion_tokens: usage.completionTokens,
    }),
    ...(firstTokenMs !== undefined && { first_token_ms: Math.round(firstTokenMs) }),
    ms: Math.round(report.age()),
    ...(failure && { code: failure.code, message: failure.message }),
    ...(isOurs && { error: failure.cause }),
  }
  const level = isOurs ? 'error' : failure ? 'warn' : 'info'
  logger[level](fields, lineOf(fields))
}

function lineOf(fields: {
  method: string
  path: string
  status: number
  id: string
  ms: number
  model?: string
  prompt_tokens?: number
  completion_tokens?: number
  first_token_ms?: number
  message?: string
}): string {
  const { method, path, status, model, ms, id } = fields
  const parts = [`${method} ${path} ${status} ${ms} ms`]
  if (model !== undefined) parts.push(model)
  if (fields.completion_tokens !== undefined)
    parts.push(`${fields.prompt_tokens} + ${fields.completion_tokens} tokens`)
  if (fields.first_token_ms !== undefined) parts.push(`first after ${fields.first_token_ms} ms`)
  if (fields.message !== undefined) parts.push(fields.message)
  return `${parts.join(', ')} (${id})`
}
