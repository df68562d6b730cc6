import { z } from 'zod'
import type { FinishReason, Generation, Usage } from '../../index.js'
import { errorBody, apiErrorOf } from '../api-error.js'
import { type Call, endpoint } from '../call.js'
import { eventStream, type ServerSentEvent } from '../event-stream.js'
import { optional, samplingOptions, samplingParams } from './sampling-params.js'

const body = z.strictObject({
  model: optional(z.string()),
  prompt: z.string(),
  max_tokens: optional(z.int().min(1)),
  stream: optional(z.boolean()),
  ...samplingParams,
})

export const completions = endpoint({
  method: 'post',
  path: '/v1/completions',
  summary: 'Continues a text.',
  body,
  async handle(request, call) {
    const { name, model } = await call.model(request.model)
    const generation = model.generate(request.prompt, {
      ...samplingOptions(request),
      maxTokens: request.max_tokens ?? 16,
      signal: call.signal,
    })
    const head = { id: `cmpl-${call.id}`, object: 'text_completion', created: now(), model: name }
    if (request.stream) return stream(generation, head, call)
    const result = await generation.result()
    call.completed(result)
    const { text, finishReason, usage } = result
    return Response.json({ ...head, choices: [choice(text, finishReason)], usage: usageBody(usage) })
  },
})

function stream(generation: Generation, head: object, call: Call): Promise<Response> {
  async function* events(): AsyncGenerator<ServerSentEvent, void, undefined> {
    for await (const event of generation.events()) {
      if (event.type === 'text-delta') yield { data: { ...head, choices: [choice(event.text, null)] } }
      if (event.type !== 'stream-end') continue
      call.completed(event)
      yield { data: { ...head, choices: [choice('', event.finishReason)] } }
    }
    yield { data: '[DONE]' }
  }
  return eventStream(events(), call, (error) => [{ data: errorBody(apiErrorOf(error)) }])
}

function choice(text: string, finishReason: FinishReason | null) {
  return { index: 0, text, logprobs: null, finish_reason: finishReason }
}

/** Tokens in and out, in OpenAI's words. */
function usageBody({ promptTokens, cachedTokens, completionTokens }: Usage) {
  return {
    prompt_tokens: promptTokens,
    completion_tokens: completionTokens,
    total_tokens: promptTokens + completionTokens,
    prompt_tokens_details: { cached_tokens: cachedTokens },
  }
}

/** Seconds since 1970. */
function now(): number {
  return Math.floor(Date.now() / 1000)
}
