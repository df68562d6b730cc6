import { z } from 'zod'
import { endpoint } from '../call.js'
import type { ServedModel } from '../served-models.js'

const model = z.object({
  id: z.string(),
  object: z.literal('model'),
  created: z.int(),
  owned_by: z.string(),
})

export const listModels = endpoint({
  method: 'get',
  path: '/v1/models',
  summary: 'The models that are served.',
  answer: z.object({ object: z.literal('list'), data: z.array(model) }),
  handle(_, { models }) {
    return Response.json({ object: 'list', data: models.all().map(modelBody) })
  },
})

export const getModel = endpoint({
  method: 'get',
  path: '/v1/models/:model{.+}',
  summary: 'One of the models that are served.',
  answer: model,
  handle(_, { models, params }) {
    return Response.json(modelBody(models.named(params.model)))
  },
})

function modelBody({ name, created }: ServedModel): z.output<typeof model> {
  return { id: name, object: 'model', created, owned_by: 'quern' }
}
