import { z } from 'zod'
import { completionLogprobs } from './completion-logprobs.js'
import { usageAnswer } from './usage.js'

const choice = z.object({
  /** The prompt's number times `n`, and which of its continuations it is. */
  index: z.int(),
  text: z.string(),
  logprobs: completionLogprobs.nullable(),
  finish_reason: z.enum(['stop', 'length']).nullable(),
})

/** What the completions endpoint answers; its events are the same with a piece of each choice's text. */
export const completionAnswer = z.object({
  id: z.string(),
  object: z.literal('text_completion'),
  created: z.int(),
  model: z.string(),
  system_fingerprint: z.string(),
  choices: z.array(choice),
  usage: usageAnswer.nullable(),
})

export type CompletionAnswer = z.output<typeof completionAnswer>
export type CompletionChoice = CompletionAnswer['choices'][number]
type Logprobs = z.output<typeof completionLogprobs>

/** Those of the prompt and those of its continuation. */
export function joinLogprobs(first: Logprobs, second: Logprobs): Logprobs {
  return {
    tokens: [...first.tokens, ...second.tokens],
    token_logprobs: [...first.token_logprobs, ...second.token_logprobs],
    top_logprobs: [...first.top_logprobs, ...second.top_logprobs],
    text_offset: [...first.text_offset, ...second.text_offset],
  }
}
