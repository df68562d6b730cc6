import { z } from 'zod'
import type { Usage } from '../../../index.js'
import type { ApiError } from '../../api-error.js'
import { newId } from '../../new-id.js'
import { type OutputItem, outputItem } from './items.js'
import type { ResponsesRequest } from './responses-body.js'

const usage = z.object({
  input_tokens: z.int(),
  input_tokens_details: z.object({ cached_tokens: z.int() }),
  output_tokens: z.int(),
  output_tokens_details: z.object({ reasoning_tokens: z.int() }),
  total_tokens: z.int(),
})

/** An answer as the Responses API has it: what was asked, and what came of it. */
export const responseAnswer = z.object({
  id: z.string(),
  object: z.literal('response'),
  created_at: z.int(),
  completed_at: z.int().nullable(),
  status: z.enum(['in_progress', 'completed', 'incomplete', 'failed']),
  background: z.literal(false),
  error: z.object({ code: z.string(), message: z.string() }).nullable(),
  incomplete_details: z.object({ reason: z.literal('max_output_tokens') }).nullable(),
  instructions: z.string().nullable(),
  max_output_tokens: z.int().nullable(),
  metadata: z.record(z.string(), z.string()),
  model: z.string(),
  output: z.array(outputItem),
  parallel_tool_calls: z.literal(true),
  previous_response_id: z.string().nullable(),
  reasoning: z.object({ effort: z.string().nullable(), summary: z.null() }),
  store: z.boolean(),
  temperature: z.number().nullable(),
  text: z.object({ format: z.object({ type: z.literal('text') }) }),
  tool_choice: z.enum(['auto', 'none']),
  tools: z.array(z.record(z.string(), z.unknown())),
  top_p: z.number().nullable(),
  truncation: z.enum(['auto', 'disabled']),
  usage: usage.nullable(),
})

export type ResponseAnswer = z.output<typeof responseAnswer>

/** One of which nothing is there yet. */
export function begunResponse(request: ResponsesRequest, model: string): ResponseAnswer {
  const tools = request.tools?.map((tool) => ({
    ...tool,
    description: tool.description ?? null,
    parameters: tool.parameters ?? null,
    strict: false,
  }))
  return {
    id: newId('resp'),
    object: 'response',
    created_at: now(),
    completed_at: null,
    status: 'in_progress',
    background: false,
    error: null,
    incomplete_details: null,
    instructions: request.instructions ?? null,
    max_output_tokens: request.max_output_tokens ?? null,
    metadata: request.metadata ?? {},
    model,
    output: [],
    parallel_tool_calls: true,
    previous_response_id: request.previous_response_id ?? null,
    reasoning: { effort: request.reasoning?.effort ?? null, summary: null },
    store: request.store ?? true,
    temperature: request.temperature ?? null,
    text: { format: { type: 'text' } },
    tool_choice: request.tool_choice === 'none' ? 'none' : 'auto',
    tools: tools ?? [],
    top_p: request.top_p ?? null,
    truncation: request.truncation ?? 'disabled',
    usage: null,
  }
}

/** The same when all of its output is there. */
export function endedResponse(
  begun: ResponseAnswer,
  output: readonly OutputItem[],
  isCut: boolean,
  used: Usage,
): ResponseAnswer {
  return {
    ...begun,
    completed_at: isCut ? null : now(),
    status: isCut ? 'incomplete' : 'completed',
    incomplete_details: isCut ? { reason: 'max_output_tokens' } : null,
    output: [...output],
    usage: {
      input_tokens: used.promptTokens,
      input_tokens_details: { cached_tokens: used.cachedTokens },
      output_tokens: used.completionTokens,
      output_tokens_details: { reasoning_tokens: used.reasoningTokens },
      total_tokens: used.promptTokens + used.completionTokens,
    },
  }
}

/** The same when nothing more comes of it. */
export function failedResponse(
  begun: ResponseAnswer,
  output: readonly OutputItem[],
  error: ApiError,
): ResponseAnswer {
  const { code, message } = error
  return { ...begun, status: 'failed', output: [...output], error: { code: code ?? 'server_error', message } }
}

/** Seconds since 1970. */
function now(): number {
  return Math.floor(Date.now() / 1000)
}
