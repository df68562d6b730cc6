import { z } from 'zod'
import { chatLogprobs } from './chat-logprobs.js'
import { usageAnswer } from './usage.js'

const toolCall = z.object({
  id: z.string(),
  type: z.literal('function'),
  function: z.object({ name: z.string(), arguments: z.string() }),
})

const choice = z.object({
  index: z.int(),
  logprobs: chatLogprobs.nullable(),
  finish_reason: z.enum(['stop', 'length', 'tool_calls']),
})

const head = z.object({ id: z.string(), created: z.int(), model: z.string(), system_fingerprint: z.string() })

/** What the chat endpoint answers. */
export const chatAnswer = head.extend({
  object: z.literal('chat.completion'),
  choices: z.array(
    choice.extend({
      message: z.object({
        role: z.literal('assistant'),
        /** null where it calls tools and says nothing. */
        content: z.string().nullable(),
        refusal: z.null(),
        /** What it thought, where it did. */
        reasoning_content: z.string().optional(),
        tool_calls: z.array(toolCall).optional(),
      }),
    }),
  ),
  usage: usageAnswer,
})

/** One of its events. */
export const chatChunk = head.extend({
  object: z.literal('chat.completion.chunk'),
  choices: z.array(
    choice.extend({
      finish_reason: choice.shape.finish_reason.nullable(),
      delta: z.object({
        role: z.literal('assistant').optional(),
        content: z.string().nullable().optional(),
        reasoning_content: z.string().optional(),
        tool_calls: z
          .array(
            z.object({
              index: z.int(),
              id: z.string().optional(),
              type: z.literal('function').optional(),
              function: z.object({ name: z.string().optional(), arguments: z.string() }),
            }),
          )
          .optional(),
      }),
    }),
  ),
  usage: usageAnswer.nullable().optional(),
})

export type ChatChoice = z.output<typeof chatAnswer>['choices'][number]
export type ChatPiece = z.output<typeof chatChunk>['choices'][number]
