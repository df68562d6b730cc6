import { z } from 'zod'
import { ignored, list, refused } from '../body-members.js'

// The blocks that a message's content is made of.

const mostBlocks = 4096
const citations = refused('citations are not made', false)
/** Beginnings that prompts share are always kept. */
const cacheControl = ignored()

export const textBlock = z.strictObject({
  type: z.literal('text'),
  text: z.string(),
  cache_control: cacheControl,
  citations,
})

const thinkingBlock = z.strictObject({
  type: z.literal('thinking'),
  thinking: z.string(),
  signature: ignored(),
})

const toolUseBlock = z.strictObject({
  type: z.literal('tool_use'),
  id: z.string().min(1).max(256),
  name: z.string().min(1).max(256),
  input: z.record(z.string(), z.unknown()),
  cache_control: cacheControl,
  caller: ignored(),
})

/** What the API has and no model here can read. */
const otherTypes = ['image', 'document', 'search_result', 'redacted_thinking', 'container_upload'] as const
const otherBlock = z.looseObject({ type: z.enum(otherTypes) }).superRefine(({ type }, context) => {
  const message = `blocks of the type ${type} are not supported: models here read text alone`
  context.addIssue({ code: 'custom', message, params: { code: 'unsupported' } })
})

const resultBlocks = z.discriminatedUnion('type', [textBlock, otherBlock], 'expected a block of text')

const toolResultBlock = z.strictObject({
  type: z.literal('tool_result'),
  tool_use_id: z.string().min(1).max(256),
  content: z.union([z.string(), list(resultBlocks, mostBlocks)]).optional(),
  /** The model is told what `content` says. */
  is_error: ignored(),
  cache_control: cacheControl,
})

/** What a user says. */
export const userContent = z.union([
  z.string(),
  list(
    z.discriminatedUnion(
      'type',
      [textBlock, toolResultBlock, otherBlock],
      "expected a block of the type 'text' or 'tool_result'",
    ),
    mostBlocks,
  ),
])

/** What an assistant said. */
export const assistantContent = z.union([
  z.string(),
  list(
    z.discriminatedUnion(
      'type',
      [textBlock, thinkingBlock, toolUseBlock, otherBlock],
      "expected a block of the type 'text', 'thinking' or 'tool_use'",
    ),
    mostBlocks,
  ),
])

export type UserContent = z.output<typeof userContent>
export type AssistantContent = z.output<typeof assistantContent>
