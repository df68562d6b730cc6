import { z } from 'zod'
import type { ChatMessage, TextPart } from '../../index.js'
import { ignored, list, only, optional, refused } from '../body-members.js'
import { innerId } from '../tool-call-ids.js'

const mostMessages = 2048
const mostParts = 256
const mostCalls = 128
/** Parts and calls of all messages together. */
const mostPieces = 4096
const name = optional(z.string().max(256))

const textPart = z.strictObject({ type: z.literal('text'), text: z.string() })
const refusalPart = z.strictObject({ type: z.literal('refusal'), refusal: z.string() })

/** What a message's content is made of. What is no text is refused by its name. */
const part = z.preprocess(
  (value, context) => {
    const type = typeof value === 'object' && value !== null && 'type' in value ? value.type : undefined
    if (typeof type !== 'string' || type === 'text' || type === 'refusal') return value
    const message = `parts of the type ${JSON.stringify(type.slice(0, 40))} are not supported: text alone is read`
    context.addIssue({ code: 'custom', message, params: { code: 'unsupported' } })
    return z.NEVER
  },
  z.discriminatedUnion('type', [textPart, refusalPart]),
)

const content = z.union([z.string(), list(part, mostParts, 1)], 'expected a text or a list of parts')

const call = z.strictObject({
  id: z.string().max(256),
  type: only('only calls of functions are known', 'function').optional(),
  function: z.strictObject({ name: z.string().max(128), arguments: z.string(), parsed_arguments: ignored() }),
  index: ignored(),
})

/** Some clients give every message a type. */
const shared = { name, type: ignored() }

const message = z.discriminatedUnion(
  'role',
  [
    z.strictObject({ ...shared, role: z.literal(['system', 'developer', 'user']), content }),
    z.strictObject({
      ...shared,
      role: z.literal('assistant'),
      content: optional(content),
      tool_calls: optional(list(call, mostCalls)),
      reasoning_content: optional(z.string()),
      /** What newer versions of vLLM call it. */
      reasoning: optional(z.string()),
      function_call: refused('calls are in tool_calls'),
      refusal: ignored(),
      annotations: ignored(),
      audio: ignored(),
      parsed: ignored(),
    }),
    z.strictObject({ ...shared, role: z.literal('tool'), content, tool_call_id: z.string().max(256) }),
  ],
  'expected one of system, developer, user, assistant, tool',
)

type Message = z.output<typeof message>

/** A conversation as OpenAI's API has it. A body of megabytes may hold 100,000 parts, which are counted before they are looked at. */
export const chatMessages = z.preprocess(
  (value, context) => {
    const pieces = Array.isArray(value) ? value.reduce((sum, one) => sum + piecesOf(one), 0) : 0
    if (pieces <= mostPieces) return value
    const message = `expected at most ${mostPieces} parts and calls in all, got ${pieces}`
    context.addIssue({ code: 'custom', message })
    return z.NEVER
  },
  list(message, mostMessages, 1),
)

function piecesOf(message: { content?: unknown; tool_calls?: unknown } | null): number {
  const count = (value: unknown) => (Array.isArray(value) ? value.length : 0)
  return count(message?.content) + count(message?.tool_calls)
}

/** The same as this library has it. */
export function conversationOf(messages: readonly Message[]): ChatMessage[] {
  return messages.map(messageOf)
}

function messageOf(given: Message): ChatMessage {
  const { role, name } = given
  if (role === 'tool')
    return { role, name, content: contentOf(given.content), tool_call_id: innerId(given.tool_call_id) }
  if (role !== 'assistant') return { role, name, content: contentOf(given.content) }
  return {
    role,
    name,
    content: given.content === undefined ? null : contentOf(given.content),
    reasoning_content: given.reasoning_content ?? given.reasoning,
    tool_calls: given.tool_calls?.map(({ id, function: called }) => ({
      id: innerId(id),
      type: 'function',
      function: { name: called.name, arguments: called.arguments },
    })),
  }
}

function contentOf(given: z.output<typeof content>): string | TextPart[] {
  if (typeof given === 'string') return given
  return given.map((one) => ({ type: 'text', text: one.type === 'text' ? one.text : one.refusal }))
}
