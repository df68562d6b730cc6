import { z } from 'zod'
import { apiErrorOf } from '../api-error.js'
import { type Call, endpoint } from '../call.js'
import { eventStream } from '../event-stream.js'
import { tokenLimit } from '../token-limit.js'
import { conversationOf } from './conversation.js'
import { anthropicErrorBody } from './error-body.js'
import { messageAnswer, wholeMessage } from './message.js'
import { messageEvents } from './message-events.js'
import { countTokensBody, type MessagesRequest, messagesBody } from './messages-body.js'

export const messages = endpoint({
  method: 'post',
  path: '/v1/messages',
  summary: 'Answers a conversation.',
  dialect: 'anthropic',
  body: messagesBody,
  answer: messageAnswer,
  streams: true,
  async handle(request, call) {
    const maxTokens = tokenLimit('max_tokens', request.max_tokens, call.settings)
    const lease = await call.model(request.model)
    const { messages, ...prompt } = conversationOf(request)
    const generation = lease.model.chat(messages, {
      ...prompt,
      ...samplingOf(request),
      maxTokens,
      signal: call.signal,
    })
    if (request.stream) {
      const promptTokens = lease.model.promptTokens(messages, prompt).then(({ length }) => length)
      promptTokens.catch(() => {}) // the generation says the same
      const start = { model: lease.name, promptTokens }
      return eventStream(messageEvents(generation, start, call), call, (error) => errorEvents(error, call))
    }
    const result = await generation.result()
    call.completed(result)
    return Response.json(wholeMessage(lease.name, result))
  },
})

export const countTokens = endpoint({
  method: 'post',
  path: '/v1/messages/count_tokens',
  summary: 'How many tokens a conversation has.',
  dialect: 'anthropic',
  body: countTokensBody,
  answer: z.object({ input_tokens: z.int() }),
  async handle(request, call) {
    const { model } = await call.model(request.model)
    const { messages, ...prompt } = conversationOf(request)
    const { length } = await model.promptTokens(messages, prompt)
    return Response.json({ input_tokens: length })
  },
})

function samplingOf({ stop_sequences, temperature, top_p, top_k, priority }: MessagesRequest) {
  return {
    temperature,
    ...(top_p === 0 ? { topK: 1 } : { topP: top_p, topK: top_k }), // of no share at all the likeliest token is left
    priority,
    stop: stop_sequences?.length === 0 ? undefined : stop_sequences,
  }
}

function errorEvents(error: unknown, call: Call) {
  return [{ event: 'error', data: anthropicErrorBody(apiErrorOf(error), call.id) }]
}
