import { z } from 'zod'
import { ignored, list, optional } from '../../body-members.js'

// What a conversation is made of in the Responses API: messages, calls of functions and what came of them, thoughts.

const mostParts = 4096
const status = ignored()

const textPart = z.strictObject({
  type: z.enum(['input_text', 'output_text']),
  text: z.string(),
  annotations: ignored(),
  logprobs: ignored(),
  prompt_cache_breakpoint: ignored(),
})

/** What the API has and no model here can read. */
const otherPart = z
  .looseObject({ type: z.enum(['input_image', 'input_file', 'input_audio', 'refusal']) })
  .superRefine(({ type }, context) => {
    const message = `parts of the type ${type} are not supported: models here read text alone`
    context.addIssue({ code: 'custom', message, params: { code: 'unsupported' } })
  })

const parts = list(
  z.discriminatedUnion('type', [textPart, otherPart], "expected a part of the type 'input_text'"),
  mostParts,
)

const message = z.strictObject({
  type: z.literal('message').optional(),
  role: z.enum(['user', 'assistant', 'system', 'developer']),
  content: z.union([z.string(), parts]),
  id: ignored(),
  status,
  phase: ignored(),
})

const functionCall = z.strictObject({
  type: z.literal('function_call'),
  call_id: z.string().min(1).max(256),
  name: z.string().min(1).max(256),
  /** JSON of an object. */
  arguments: z.string(),
  id: ignored(),
  status,
})

const functionCallOutput = z.strictObject({
  type: z.literal('function_call_output'),
  call_id: z.string().min(1).max(256),
  output: z.union([z.string(), parts]),
  id: ignored(),
  status,
})

const reasoning = z.strictObject({
  type: z.literal('reasoning'),
  summary: ignored(),
  content: optional(list(z.strictObject({ type: z.literal('reasoning_text'), text: z.string() }), mostParts)),
  encrypted_content: ignored(),
  id: ignored(),
  status,
})

const inputItem = z.discriminatedUnion(
  'type',
  [message, functionCall, functionCallOutput, reasoning],
  "expected an item of the type 'message', 'function_call', 'function_call_output' or 'reasoning'",
)

export const inputItems = list(inputItem, 10_000, 1)

export type InputItem = z.output<typeof inputItem>
export type InputParts = z.output<typeof parts>

const itemStatus = z.enum(['in_progress', 'completed', 'incomplete'])

const outputMessage = z.object({
  type: z.literal('message'),
  id: z.string(),
  role: z.literal('assistant'),
  status: itemStatus,
  content: z.array(
    z.object({
      type: z.literal('output_text'),
      text: z.string(),
      annotations: z.array(z.never()),
      logprobs: z.array(z.never()),
    }),
  ),
})

const outputReasoning = z.object({
  type: z.literal('reasoning'),
  id: z.string(),
  status: itemStatus,
  summary: z.array(z.never()),
  content: z.array(z.object({ type: z.literal('reasoning_text'), text: z.string() })),
})

const outputCall = z.object({
  type: z.literal('function_call'),
  id: z.string(),
  status: itemStatus,
  call_id: z.string(),
  name: z.string(),
  arguments: z.string(),
})

/** What an answer is made of. */
export const outputItem = z.discriminatedUnion('type', [outputMessage, outputReasoning, outputCall])

export type OutputItem = z.output<typeof outputItem>
