import { randomUUID } from 'node:crypto'
import { apiErrorOf, errorBody } from '../api-error.js'
import type { Call } from '../call.js'
import { eventStream, type ServerSentEvent } from '../event-stream.js'
import type { Lease } from '../served-model.js'
import { fingerprint } from './fingerprint.js'
import { requestError } from './request-error.js'

/** What answers a request for text: all at once, or in pieces and then what they used. */
export interface TextJob {
  whole(): Promise<object>
  pieces(): AsyncGenerator<{ choices: object[] } | { usage: object }, void, undefined>
}

interface StreamRequest {
  stream?: boolean | undefined
  stream_options?: { include_usage?: boolean | undefined } | undefined
}

/**
 * The answer of a job, as JSON or as a stream.
 *
 * @param heads What each answer begins with, and each event.
 * @param input The member of the request that holds the text or the messages: what is wrong with it is told of it.
 */
export async function textAnswer(
  job: TextJob,
  { stream, stream_options }: StreamRequest,
  heads: { answer: object; event: object },
  input: string,
  call: Call,
): Promise<Response> {
  try {
    if (!stream) return Response.json({ ...heads.answer, ...(await job.whole()) })
    const events = eventsOf(job, heads.event, stream_options?.include_usage ?? false, input)
    return await eventStream(events, call, (error) => [{ data: errorBody(apiErrorOf(error)) }])
  } catch (error) {
    throw requestError(error, input)
  }
}

async function* eventsOf(
  job: TextJob,
  head: object,
  withUsage: boolean,
  input: string,
): AsyncGenerator<ServerSentEvent, void, undefined> {
  try {
    for await (const piece of job.pieces()) {
      if ('choices' in piece) yield { data: { ...head, ...piece, ...(withUsage && { usage: null }) } }
      else if (withUsage) yield { data: { ...head, choices: [], ...piece } }
    }
  } catch (error) {
    throw requestError(error, input)
  }
  yield { data: '[DONE]' }
}

/** What each answer and each event begins with. */
export function answerHead(prefix: string, { name, model }: Lease) {
  return {
    id: `${prefix}-${randomUUID().replaceAll('-', '')}`,
    created: Math.floor(Date.now() / 1000),
    model: name,
    system_fingerprint: fingerprint(model),
  }
}
