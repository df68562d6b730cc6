import { z } from 'zod'
import { ApiError, apiErrorOf, invalidParam } from '../../api-error.js'
import { type Call, endpoint } from '../../call.js'
import { eventStream } from '../../event-stream.js'
import { tokenLimit } from '../../token-limit.js'
import { samplingOptions } from '../sampling-params.js'
import { messagesOf, promptOptions } from './conversation.js'
import { begunResponse, responseAnswer } from './response.js'
import { ResponseJob } from './response-job.js'
import { type ResponsesRequest, responsesBody } from './responses-body.js'

export const createResponse = endpoint({
  method: 'post',
  path: '/v1/responses',
  summary: 'Answers a conversation, which may go on from an earlier answer.',
  body: responsesBody,
  answer: responseAnswer,
  streams: true,
  async handle(request, call) {
    const maxTokens = tokenLimit('max_output_tokens', request.max_output_tokens, call.settings)
    const messages = messagesOf(request.input, earlier(request, call))
    const { name, model } = await call.model(request.model)
    const { instructions } = request
    const system = instructions === undefined ? [] : [{ role: 'system' as const, content: instructions }]
    const generation = model.chat([...system, ...messages], {
      ...samplingOptions(request),
      ...promptOptions(request, model),
      maxTokens,
      signal: call.signal,
    })
    const job = new ResponseJob(generation, begunResponse(request, name), messages, call)
    if (!request.stream) return Response.json(await job.whole())
    return eventStream(job.events(), call, (error) => job.failed(apiErrorOf(error)))
  },
})

/** The conversation so far. */
function earlier({ previous_response_id: id }: ResponsesRequest, call: Call) {
  if (id === undefined) return []
  const found = call.responses.get(id)
  if (found) return found.conversation
  const message = `previous_response_id: there is no response '${id}' here (any more): give the whole conversation as input`
  throw invalidParam('previous_response_id', message, 'previous_response_not_found')
}

export const getResponse = endpoint({
  method: 'get',
  path: '/v1/responses/:id',
  summary: 'An earlier answer.',
  answer: responseAnswer,
  handle(_, call) {
    const found = call.responses.get(call.params.id ?? '')
    if (!found) throw notFound(call)
    return Response.json(found.response)
  },
})

const deletion = z.object({ id: z.string(), object: z.literal('response'), deleted: z.literal(true) })

export const deleteResponse = endpoint({
  method: 'delete',
  path: '/v1/responses/:id',
  summary: 'Forgets an earlier answer.',
  answer: deletion,
  handle(_, call) {
    const { id = '' } = call.params
    if (!call.responses.delete(id)) throw notFound(call)
    return Response.json({ id, object: 'response', deleted: true } satisfies z.output<typeof deletion>)
  },
})

function notFound({ params }: Call): ApiError {
  const message = `there is no response '${params.id?.slice(0, 100)}' here (any more)`
  return new ApiError(404, 'response_not_found', message)
}
