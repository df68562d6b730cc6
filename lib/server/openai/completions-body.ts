import { z } from 'zod'
import { invalidParam, unsupported } from '../api-error.js'
import { optional, refused } from '../body-members.js'
import { textInputs } from '../text-inputs.js'
import { samplingParams } from './sampling-params.js'
import { mostChoices, sharedParams } from './shared-params.js'

/** OpenAI's API takes 5 at most. */
const mostLogprobs = 20

export const completionsBody = z.strictObject({
  ...sharedParams,
  ...samplingParams,
  prompt: textInputs,
  max_tokens: optional(z.int().min(0)),
  echo: optional(z.boolean()),
  logprobs: optional(z.int().min(0).max(mostLogprobs)),
  best_of: optional(z.int().min(1)),
  suffix: refused('a text is continued at its end, not filled in', ''),
})

export type CompletionsRequest = z.output<typeof completionsBody>

/** What fits alone and not together. */
export function checkCompletionsRequest(request: CompletionsRequest): void {
  const { n = 1, best_of = n, echo = false, max_tokens, prompt, stream = false, stream_options } = request
  if (best_of !== n)
    throw unsupported('best_of', `best_of: expected ${n}, which is n: choices are not ranked, got ${best_of}`)
  if (max_tokens === 0 && !echo)
    throw invalidParam('max_tokens', 'max_tokens: expected 1 at least; 0 is for echo: true, got 0')
  const choices = prompt.inputs.length * n
  if (choices > mostChoices)
    throw invalidParam('prompt', `prompt: expected at most ${mostChoices} choices in all, got ${choices}`)
  if (stream_options !== undefined && !stream)
    throw invalidParam('stream_options', 'stream_options: expected stream: true beside it')
}
