import { z } from 'zod'
import { endpoint } from '../call.js'
import type { ServedModel } from '../served-model.js'

const model = z.object({
  id: z.string(),
  object: z.literal('model'),
  created: z.int(),
  owned_by: z.string(),
  /** Tokens that prompt and answer may have together, once it is loaded; the name is vLLM's. */
  max_model_len: z.int().nullable(),
  status: z.enum(['loaded', 'loading', 'unloaded']),
  /** How far it is while it is being loaded: bytes of files that are downloaded, then of weights. */
  progress: z
    .object({ phase: z.enum(['download', 'load']), loaded_bytes: z.number(), total_bytes: z.number() })
    .nullable(),
  /** What it is, once it is loaded. */
  details: z
    .object({
      architecture: z.string(),
      generates: z.boolean(),
      dtype: z.string(),
      weight_bytes: z.number(),
      device: z.string(),
      /** The product's name, of a GPU. */
      device_name: z.string().nullable(),
      isa: z.string(),
      threads: z.int(),
    })
    .nullable(),
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

function modelBody(served: ServedModel): z.output<typeof model> {
  const { name, created, isLoading, progress } = served
  const info = served.model?.info
  const unloaded = isLoading ? 'loading' : 'unloaded'
  return {
    id: name,
    object: 'model',
    created,
    owned_by: 'quern',
    max_model_len: info?.contextLength ?? null,
    status: info ? 'loaded' : unloaded,
    progress: progress
      ? { phase: progress.phase, loaded_bytes: progress.loadedBytes, total_bytes: progress.totalBytes }
      : null,
    details: info
      ? {
          architecture: info.architecture,
          generates: info.generates,
          dtype: info.dtype,
          weight_bytes: info.weightBytes,
          device: info.device,
          device_name: info.deviceName ?? null,
          isa: info.isa,
          threads: info.threads,
        }
      : null,
  }
}
