import { z } from 'zod'
import type { FinishReason, GenerationResult, ToolCall, Usage } from '../../index.js'
import { newId } from '../new-id.js'
import { outerId } from '../tool-call-ids.js'

const block = z.discriminatedUnion('type', [
  z.object({ type: z.literal('text'), text: z.string(), citations: z.null() }),
  z.object({ type: z.literal('thinking'), thinking: z.string(), signature: z.string() }),
  z.object({
    type: z.literal('tool_use'),
    id: z.string(),
    name: z.string(),
    input: z.record(z.string(), z.unknown()),
  }),
])

const usage = z.object({
  /** Those of the prompt that had to be computed. */
  input_tokens: z.int(),
  cache_creation_input_tokens: z.int(),
  cache_read_input_tokens: z.int(),
  output_tokens: z.int(),
})

/** An answer as Anthropic's API has it. */
export const messageAnswer = z.object({
  id: z.string(),
  type: z.literal('message'),
  role: z.literal('assistant'),
  model: z.string(),
  content: z.array(block),
  stop_reason: z.enum(['end_turn', 'max_tokens', 'stop_sequence', 'tool_use']).nullable(),
  stop_sequence: z.string().nullable(),
  usage,
})

export type Message = z.output<typeof messageAnswer>

/** A message of which nothing is said yet. */
export function emptyMessage(model: string, promptTokens: number): Message {
  return {
    id: newId('msg'),
    type: 'message',
    role: 'assistant',
    model,
    content: [],
    stop_reason: null,
    stop_sequence: null,
    usage: usageBody({ promptTokens, cachedTokens: 0, completionTokens: 0 }),
  }
}

/** All that a generation gave: what it thought, what it said, which tools it asks for. */
export function wholeMessage(model: string, result: GenerationResult): Message {
  const { reasoning, text, toolCalls } = result
  return {
    ...emptyMessage(model, 0),
    content: [
      ...(reasoning === '' ? [] : [{ type: 'thinking' as const, thinking: reasoning, signature: '' }]),
      ...(text === '' ? [] : [{ type: 'text' as const, text, citations: null }]),
      ...toolCalls.map((call) => ({
        ...toolUse(call),
        input: JSON.parse(call.arguments) as Record<string, unknown>,
      })),
    ],
    ...ending(result),
    usage: usageBody(result.usage),
  }
}

/** A call of a tool whose input is still to come. */
export function toolUse({ id, name }: ToolCall) {
  return { type: 'tool_use' as const, id: outerId('toolu_', id), name, input: {} }
}

const stopReasons = {
  stop: 'end_turn',
  'tool-calls': 'tool_use',
  length: 'max_tokens',
  cancelled: 'end_turn',
} as const satisfies Record<FinishReason, Message['stop_reason']>

/** Why it ended. */
export function ending({ finishReason, stop }: Pick<GenerationResult, 'finishReason' | 'stop'>) {
  const reason = stopReasons[finishReason]
  const isSequence = stop !== undefined && reason === 'end_turn'
  return { stop_reason: isSequence ? ('stop_sequence' as const) : reason, stop_sequence: stop ?? null }
}

export function usageBody({
  promptTokens,
  cachedTokens,
  completionTokens,
}: Pick<Usage, 'promptTokens' | 'cachedTokens' | 'completionTokens'>): Message['usage'] {
  return {
    input_tokens: promptTokens - cachedTokens,
    cache_creation_input_tokens: 0,
    cache_read_input_tokens: cachedTokens,
    output_tokens: completionTokens,
  }
}
