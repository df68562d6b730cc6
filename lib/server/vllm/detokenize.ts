import { z } from 'zod'
import { optional } from '../body-members.js'
import { endpoint } from '../call.js'
import { tokenIds } from '../text-inputs.js'

const body = z.strictObject({ model: optional(z.string()), tokens: tokenIds })

const answer = z.object({ prompt: z.string() })

export const detokenize = endpoint({
  method: 'post',
  path: '/detokenize',
  summary: 'The text of tokens.',
  body,
  answer,
  async handle({ model: name, tokens }, call) {
    const { model } = await call.model(name)
    return Response.json({ prompt: model.tokenizer.decode(tokens) } satisfies z.output<typeof answer>)
  },
})
