import { z } from 'zod'
import { modelName } from '../body-members.js'
import { endpoint } from '../call.js'
import { checkTokens, tokenIds } from '../text-inputs.js'

const body = z.strictObject({ model: modelName, tokens: tokenIds })

const answer = z.object({ prompt: z.string() })

export const detokenize = endpoint({
  method: 'post',
  path: '/detokenize',
  summary: 'The text of tokens.',
  body,
  answer,
  async handle({ model: name, tokens }, call) {
    const { model } = await call.model(name)
    checkTokens(model, tokens, 'tokens')
    return Response.json({ prompt: model.tokenizer.decode(tokens) } satisfies z.output<typeof answer>)
  },
})
