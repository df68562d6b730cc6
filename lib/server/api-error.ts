import { QuernError, type QuernErrorCode } from '../index.js'
import { statusOf } from './error-status.js'

/** Characters of a message: some hold what the client wrote, which comes back to it and goes into the log. */
const longestMessage = 1000

/** What a client is told of a request that failed. */
export class ApiError extends Error {
  readonly status: number
  /** A word for programs: OpenAI's where it has one, else quern's own. */
  readonly code: string | null
  /** The member of the request's body that is wrong, as a path: `messages[0].role`. */
  readonly param: string | null
  readonly headers: Readonly<Record<string, string>>

  constructor(
    status: number,
    code: string | null,
    message: string,
    details: { param?: string; headers?: Record<string, string>; cause?: unknown } = {},
  ) {
    super(clipped(message, longestMessage), 'cause' in details ? { cause: details.cause } : undefined)
    this.status = status
    this.code = code
    this.param = details.param ?? null
    this.headers = details.headers ?? {}
  }

  /** What kind of error a status is, in OpenAI's words. */
  get type(): string {
    if (this.status === 401) return 'authentication_error'
    if (this.status === 403) return 'permission_error'
    if (this.status === 429) return 'rate_limit_error'
    return this.status < 500 ? 'invalid_request_error' : 'server_error'
  }
}

/** The beginning of a text that is longer than that. */
export function clipped(text: string, most: number): string {
  return text.length > most ? `${text.slice(0, most)}…` : text
}

/** A member of the body that has a wrong value. */
export function invalidParam(param: string, message: string, code: string | null = null): ApiError {
  return new ApiError(400, code, message, { param })
}

/** What is understood and cannot be done yet. */
export function unsupported(param: string, message: string): ApiError {
  return invalidParam(param, message, 'unsupported')
}

/** Of errors that have another name in OpenAI's API, which clients compare. */
const knownCodes: Record<string, string> = {
  context_overflow: 'context_length_exceeded',
  overloaded: 'rate_limit_exceeded',
}

/** Of errors whose own message names a file of the server. */
const ownMessages: Partial<Record<QuernErrorCode, string>> = {
  embedding_only: 'this model embeds texts and can do nothing else: ask for one that generates text',
  no_tokenizer: 'this model is served without a tokenizer: give token ids instead of text',
  no_chat_template: 'this model has no chat template: give it a prompt instead of messages',
}

/** Of errors that pass: the queue is full; a model's device failed, and it is loaded again by whoever asks next. */
const passing: readonly QuernErrorCode[] = ['overloaded', 'device_failed', 'closed']
/** Seconds after which whoever met such an error may well try again. */
const retryAfter = '1'

const headersOf = ({ code }: QuernError) => (passing.includes(code) ? { 'Retry-After': retryAfter } : {})

/** Whatever was thrown, as a client may see it: no word of files, nor of this code. */
export function apiErrorOf(error: unknown): ApiError {
  if (error instanceof ApiError) return error
  if (!(error instanceof QuernError)) {
    return new ApiError(500, 'internal', 'the server failed on this request: its log says why', {
      cause: error,
    })
  }
  const status = statusOf[error.code]
  if (status >= 500) return brokenModel(status, error)
  return new ApiError(
    status,
    knownCodes[error.code] ?? error.code,
    ownMessages[error.code] ?? error.message,
    {
      cause: error,
      headers: headersOf(error),
    },
  )
}

/** What was thrown where a model was loaded: what it was told wrong is no client's mistake. */
export function loadErrorOf(error: unknown): unknown {
  return error instanceof QuernError && statusOf[error.code] < 500 ? brokenModel(500, error) : error
}

const whatBroke: Partial<Record<QuernErrorCode, string>> = {
  closed: 'the model was closed',
  device_failed: "the model's device failed",
  not_finite: 'the model gave no finite numbers for this request',
}

function brokenModel(status: number, cause: QuernError): ApiError {
  const { code } = cause
  const what = whatBroke[code] ?? 'the model cannot be used'
  const message = `${what} (${code}): the server's log says why`
  return new ApiError(status, code, message, { cause, headers: headersOf(cause) })
}

/** The body of an error. */
export interface ErrorBody {
  error: { message: string; type: string; param: string | null; code: string | null }
}

/** As OpenAI's API has it. */
export function errorBody({ message, type, param, code }: ApiError): ErrorBody {
  return { error: { message, type, param, code } }
}
