import { z } from 'zod'
import { invalidParam } from '../api-error.js'
import { ignored, optional, refused } from '../body-members.js'
import { chatMessages } from './chat-messages.js'
import { chatTools } from './chat-tools.js'
import { efforts } from './reasoning-effort.js'
import { samplingParams } from './sampling-params.js'
import { sharedParams } from './shared-params.js'

const mostLogprobs = 20

export const chatBody = z.strictObject({
  ...sharedParams,
  ...samplingParams,
  messages: chatMessages,
  max_completion_tokens: optional(z.int().min(1)),
  /** What it was called before. */
  max_tokens: optional(z.int().min(1)),
  logprobs: optional(z.boolean()),
  top_logprobs: optional(z.int().min(0).max(mostLogprobs)),
  tools: optional(chatTools),
  tool_choice: refused('a model cannot be made to call a tool yet', 'auto', 'none'),
  parallel_tool_calls: optional(z.boolean()),
  reasoning_effort: optional(z.enum(efforts)),
  /** Variables of the model's chat template. */
  chat_template_kwargs: optional(z.record(z.string(), z.unknown())),
  response_format: refused('an answer is not held to a format yet', { type: 'text' }),
  modalities: refused('text alone is written', ['text'], []),
  audio: refused('text alone is written'),
  functions: refused('functions are in tools', []),
  function_call: refused('functions are in tools', 'none', 'auto'),
  web_search_options: refused('nothing is searched'),
  verbosity: refused('it is the model that says how much it says', 'medium'),
  prediction: ignored(),
})

export type ChatRequest = z.output<typeof chatBody>

/** What fits alone and not together. */
export function checkChatRequest(request: ChatRequest): void {
  const { logprobs, top_logprobs, max_tokens, max_completion_tokens, stream, stream_options } = request
  if (top_logprobs !== undefined && !logprobs)
    throw invalidParam('top_logprobs', 'top_logprobs: expected logprobs: true beside it')
  if (max_tokens !== undefined && max_completion_tokens !== undefined && max_tokens !== max_completion_tokens)
    throw invalidParam('max_tokens', 'max_tokens: expected it or max_completion_tokens, got both')
  if (stream_options !== undefined && !stream)
    throw invalidParam('stream_options', 'stream_options: expected stream: true beside it')
}
