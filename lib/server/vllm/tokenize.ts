import { z } from 'zod'
import { optional } from '../body-members.js'
import { endpoint } from '../call.js'

const body = z.strictObject({
  model: optional(z.string()),
  prompt: z.string(),
  add_special_tokens: optional(z.boolean()),
  return_token_strs: optional(z.boolean()),
})

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
  summary: 'The tokens of a text.',
  body,
  answer,
  async handle(request, call) {
    const { model } = await call.model(request.model)
    const tokens = await model.promptTokens(request.prompt, { addSpecialTokens: request.add_special_tokens })
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
