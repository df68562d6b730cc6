import { z } from 'zod'
import { QuernError } from '../../index.js'
import { invalidParam } from '../api-error.js'
import { ignored, modelName, optional } from '../body-members.js'
import { endpoint } from '../call.js'
import { jsonList } from '../json-list.js'
import { textInputs, tokensOf } from '../text-inputs.js'
import { told } from './request-error.js'

const body = z.strictObject({
  model: modelName,
  input: textInputs,
  encoding_format: optional(z.enum(['float', 'base64'])),
  dimensions: optional(z.int().min(1)),
  priority: optional(z.int().min(-100).max(100)),
  user: ignored(),
})

const answer = z.object({
  object: z.literal('list'),
  data: z.array(
    z.object({
      object: z.literal('embedding'),
      index: z.int(),
      /** In base64: 32-bit floats, little-endian. */
      embedding: z.union([z.array(z.number()), z.string()]),
    }),
  ),
  model: z.string(),
  usage: z.object({ prompt_tokens: z.int(), total_tokens: z.int() }),
})

export const embeddings = endpoint({
  method: 'post',
  path: '/v1/embeddings',
  summary: 'Texts as vectors.',
  body,
  answer,
  async handle({ model: name, input, encoding_format, dimensions, priority }, call) {
    const lease = await call.model(name)
    const { model } = lease
    const { hidden } = model.info.config
    if (dimensions !== undefined && dimensions > hidden) {
      throw invalidParam(
        'dimensions',
        `dimensions: expected at most ${hidden}, which this model has, got ${dimensions}`,
      )
    }
    const { inputs, isList } = input
    const prompts = await Promise.all(
      inputs.map((one, i) => tokensOf(model, one, isList ? `input[${i}]` : 'input')),
    )
    const vectors = await model
      .embed(
        prompts.map((tokens) => ({ tokens })),
        { dimensions, priority, signal: call.signal },
      )
      .catch((error: unknown) => {
        throw inputError(error, isList)
      })
    const tokens = prompts.reduce((sum, { length }) => sum + length, 0)
    call.took(tokens)
    const data = await jsonList(vectors.entries(), ([index, vector]) => ({
      object: 'embedding',
      index,
      embedding: encoding_format === 'base64' ? base64(vector) : Array.from(vector),
    }))
    const usage = { prompt_tokens: tokens, total_tokens: tokens }
    const rest = `"model":${JSON.stringify(lease.name)},"usage":${JSON.stringify(usage)}`
    return new Response(`{"object":"list","data":${data},${rest}}`, {
      headers: { 'Content-Type': 'application/json' },
    })
  },
})

/** What the library says of its texts, said of the request's input. */
function inputError(error: unknown, isList: boolean): unknown {
  const place = error instanceof QuernError ? /^texts(\[\d+\])(?=:)/.exec(error.message) : null
  if (!place) return error
  const param = isList ? `input${place[1]}` : 'input'
  return told(error as QuernError, param, param + (error as QuernError).message.slice(place[0].length))
}

function base64({ buffer, byteOffset, byteLength }: Float32Array): string {
  return Buffer.from(buffer, byteOffset, byteLength).toString('base64')
}
