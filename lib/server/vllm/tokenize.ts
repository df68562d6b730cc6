import { z } from 'zod'
import type { Model, Tokenizer } from '../../index.js'
import { modelName, optional, refused } from '../body-members.js'
import { endpoint } from '../call.js'
import { jsonList } from '../json-list.js'
import { chatMessages, conversationOf } from '../openai/chat-messages.js'
import { chatTools, toolsOf } from '../openai/chat-tools.js'

const shared = {
  model: modelName,
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
    const members = [
      `"count":${tokens.length},"max_model_len":${model.info.contextLength}`,
      `"tokens":${await jsonList(tokens, (token) => token)}`,
      ...(request.return_token_strs
        ? [`"token_strs":${await jsonList(tokens, textOf(model.tokenizer))}`]
        : []),
    ]
    return new Response(`{${members.join()}}`, { headers: { 'Content-Type': 'application/json' } })
  },
})

/** The text of a token. There are fewer tokens than a long text has. */
function textOf(tokenizer: Tokenizer): (token: number) => string {
  const known = new Map<number, string>()
  return (token) => {
    const text = known.get(token) ?? tokenizer.decode([token], { goesOn: true })
    known.set(token, text)
    return text
  }
}

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
