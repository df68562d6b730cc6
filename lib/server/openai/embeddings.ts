import { z } from 'zod'
import { invalidParam } from '../api-error.js'
import { ignored, optional } from '../body-members.js'
import { endpoint } from '../call.js'
import { textInputs, tokensOf } from '../text-inputs.js'

const body = z.strictObject({
  model: optional(z.string()),
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
    const vectors = await model.embed(
      prompts.map((tokens) => ({ tokens })),
      { dimensions, priority, signal: call.signal },
    )
    const tokens = prompts.reduce((sum, { length }) => sum + length, 0)
    call.took(tokens)
    return Response.json({
      object: 'list',
      data: vectors.map((vector, index) => ({
        object: 'embedding',
        index,
        embedding: encoding_format === 'base64' ? base64(vector) : Array.from(vector),
      })),
      model: lease.name,
      usage: { prompt_tokens: tokens, total_tokens: tokens },
    } satisfies z.output<typeof answer>)
  },
})

function base64({ buffer, byteOffset, byteLength }: Float32Array): string {
  return Buffer.from(buffer, byteOffset, byteLength).toString('base64')
}
