import { setTimeout as sleep } from 'node:timers/promises'
import { QuernError } from '../index.js'
import { ApiError } from '../server/api-error.js'
import type { ServerApp } from '../server/index.js'
import { newId } from '../server/new-id.js'
import { isOfDevice } from '../server/of-device.js'
import { type BatchRequest, LineFault, parseRequest } from './batch-request.js'

/**
 * The answer to a line of a batch, as OpenAI has it: what the server answered, or what is wrong with the line.
 *
 * @example
 * ```ts
 * const { response, error }: BatchAnswer = await answerBatchLine(createApp({ models: { demo: {} } }), '{}')
 * console.log(response?.body ?? error?.message)
 * ```
 */
export interface BatchAnswer {
  /** A name that nothing else has. */
  id: string
  /** The line's own name; null where it has none. */
  custom_id: string | null
  /** What the server answered, errors among it; null where the line is no request. */
  response: { status_code: number; request_id: string; body: unknown } | null
  /** What is wrong with the line, and which of the file it is, if it is one; null where there is an answer. */
  error: { code: string; message: string; line: number | null } | null
}

/** Milliseconds after which a server that had no room is asked again. */
const again = 500

/**
 * Answers a line of a batch, `{"custom_id", "method": "POST", "url", "body"}`, by an app's own endpoints: bodies and errors are those that it would
 * send. It waits while the app's queue is full, and asks once more where the model's device failed. What is wrong with the line is in the answer.
 *
 * @param app What `createApp()` made.
 * @param line Its text.
 * @param number Which line of a file it is, from 1 on, for messages. Default: of none.
 * @throws {QuernError} `device_failed`, `no_device`, `closed` where the model failed again, or could not be loaded again: the line has no answer.
 * @example
 * ```ts
 * const app = createApp({ models: { demo: {} } })
 * const body = { prompt: 'Once upon a time', max_tokens: 16 }
 * const line = JSON.stringify({ custom_id: 'a', method: 'POST', url: '/v1/completions', body })
 * const answer = await answerBatchLine(app, line)
 * ```
 */
export async function answerBatchLine(app: ServerApp, line: string, number?: number): Promise<BatchAnswer> {
  return answerLine(app, () => parseRequest(line), number)
}

/** The same for a line that is being read. `recover` is called before it is asked once more. */
export async function answerLine(
  app: ServerApp,
  read: () => BatchRequest | Promise<BatchRequest>,
  number?: number,
  recover?: () => Promise<unknown>,
): Promise<BatchAnswer> {
  const id = newId('batch_req')
  try {
    const request = await read()
    return { id, custom_id: request.customId, response: await ask(app, request, recover), error: null }
  } catch (error) {
    if (!(error instanceof LineFault)) throw error
    const message = number === undefined ? error.message : `line ${number}: ${error.message}`
    return {
      id,
      custom_id: error.customId,
      response: null,
      error: { code: 'invalid_line', message, line: number ?? null },
    }
  }
}

async function ask(
  app: ServerApp,
  { customId, url, body }: BatchRequest,
  recover: () => Promise<unknown> = async () => {},
): Promise<NonNullable<BatchAnswer['response']>> {
  const text = written(body, customId)
  let hasFailed = false
  for (;;) {
    let failure: QuernError | undefined
    const onFailure = (error: unknown) => {
      failure = failureOfModel(error)
    }
    const headers = { 'Content-Type': 'application/json' }
    const response = await app.request(url, { method: 'POST', headers, body: text }, { onFailure })
    const { status: status_code } = response
    const answer = await response.json()
    if (failure) {
      if (hasFailed) throw failedAgain(failure, customId)
      hasFailed = true
      await recover()
    } else if (status_code === 429) await sleep(again)
    else return { status_code, request_id: response.headers.get('x-request-id') ?? '', body: answer }
  }
}

/** What its model's device failed with, or that the model was closed under it for that, or is not loaded again yet. */
function failureOfModel(error: unknown): QuernError | undefined {
  if (isOfDevice(error) || (error instanceof QuernError && error.code === 'closed')) return error
  const isLeftAlone = error instanceof ApiError && error.code === 'device_failed'
  return isLeftAlone ? new QuernError('device_failed', error.message, { cause: error }) : undefined
}

/** No answer: the same line may well have one once the device works. */
function failedAgain(cause: QuernError, customId: string): QuernError {
  const message = `'${customId}' was asked again, and its model failed again: ${cause.message}`
  return new QuernError(cause.code, message, { cause })
}

/** JSON can be read that is nested too deep to be written. */
function written(body: BatchRequest['body'], customId: string): string {
  try {
    return JSON.stringify(body)
  } catch {
    throw new LineFault('body: it is nested too deep', customId)
  }
}

/** Whether a line came to nothing. */
export function isFailure({ response }: Pick<BatchAnswer, 'response'>): boolean {
  return response === null || response.status_code >= 400
}
