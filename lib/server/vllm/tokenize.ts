import { z } from 'zod'
import type { Model } from '../../index.js'
import { optional, refused } from '../body-members.js'
import { endpoint } from '../call.js'
import { chatMessages, conversationOf } from '../openai/chat-messages.js'
import { chatTools, toolsOf } from '../openai/chat-tools.js'

const shared = {
  model: optional(z.string().max(512)),
  return_token_strs: optional(z.boolean()),
}
const textBody = z.strictObject({
  ...shared,
  prompt: z.string(),
  add_special_tokens: optional(z.boolean()),
})
const conversationBody = z.strictObject({
  ...shared,
  messages: chatMessages,
  tools: optional(chatTools),
  add_generation_prompt: optional(z.boolean()),
  continue_final_message: optional(z.boolean()),
  /** Variables of the model's chat template. */
  chat_template_kwargs: optional(z.record(z.string(), z.unknown())),
  chat_template: refused("the model's own chat template is used"),
  add_special_tokens: refused('the chat template writes them', false),
})
const body = z.union([textBody, conversationBody], 'expected prompt, a text, or messages')

const answer = z.object({
  count: z.int(),
  /** What prompt and answer may have together. */
  max_model_len: z.int(),
  tokens: z.array(z.int()),
  /** The text of each, half characters as U+FFFD. */
  token_strs: z.array(z.string()).optional(),
})

export const tokenize = endpoint({
  method: 'post',
  path: '/tokenize',
  summary: 'The tokens of a text, or of a conversation.',
  body,
  answer,
  async handle(request, call) {
    const { model } = await call.model(request.model)
    const tokens = await tokensOf(request, model)
    return Response.json({
      count: tokens.length,
      max_model_len: model.info.contextLength,
      tokens: Array.from(tokens),
      ...(request.return_token_strs && {
        token_strs: Array.from(tokens, (token) => model.tokenizer.decode([token])),
      }),
    } satisfies z.output<typeof answer>)
  },
})

function tokensOf(request: z.output<typeof body>, model: Model): Promise<Int32Array> {
  if ('prompt' in request)
    return model.promptTokens(request.prompt, { addSpecialTokens: request.add_special_tokens })
  const { messages, tools, continue_final_message, add_generation_prompt, chat_template_kwargs } = request
  return model.promptTokens(conversationOf(messages), {
    tools: tools && toolsOf(tools),
    continueFinalMessage: continue_final_message,
    addGenerationPrompt: add_generation_prompt,
    templateVariables: chat_template_kwargs,
  })
}
