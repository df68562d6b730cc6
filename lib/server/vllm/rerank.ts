import { z } from 'zod'
import { QuernError, type RankedDocument } from '../../index.js'
import { ApiError } from '../api-error.js'
import { ignored, modelName, optional } from '../body-members.js'
import { endpoint } from '../call.js'

const mostDocuments = 4096

const body = z.strictObject({
  model: modelName,
  query: z.string(),
  documents: z
    .array(z.union([z.string(), z.strictObject({ text: z.string() })]))
    .min(1)
    .max(mostDocuments),
  /** How many of the best to give; 0: all. */
  top_n: optional(z.int().min(0)),
  return_documents: optional(z.boolean()),
  priority: optional(z.int().min(-100).max(100)),
  user: ignored(),
})

const answer = z.object({
  id: z.string(),
  model: z.string(),
  usage: z.object({ prompt_tokens: z.int(), total_tokens: z.int() }),
  /** The best first. */
  results: z.array(
    z.object({
      index: z.int(),
      document: z.object({ text: z.string() }).optional(),
      relevance_score: z.number().min(0).max(1),
    }),
  ),
})

/** Cohere's and Jina's endpoint, as vLLM serves it: also without the version in its path, and with version 2. */
export const rerank = ['/v1/rerank', '/rerank', '/v2/rerank'].map((path) =>
  endpoint({
    method: 'post',
    path,
    summary: 'Sorts documents by how well they answer a query.',
    body,
    answer,
    async handle({ model: name, query, documents, top_n, return_documents = true, priority }, call) {
      const lease = await call.model(name)
      const texts = documents.map((document) => (typeof document === 'string' ? document : document.text))
      const ranked = await lease.model
        .rank(query, texts, { priority, signal: call.signal })
        .catch((error: unknown) => {
          throw isNoReranker(error) ? noReranker(lease.name, error) : error
        })
      const tokens = ranked.reduce((sum, one) => sum + one.tokens, 0)
      call.took(tokens)
      return Response.json({
        id: `rerank-${call.id}`,
        model: lease.name,
        usage: { prompt_tokens: tokens, total_tokens: tokens },
        results: ranked.slice(0, top_n || undefined).map((one) => result(one, return_documents)),
      } satisfies z.output<typeof answer>)
    },
  }),
)

function result({ index, document, score }: RankedDocument, withDocument: boolean) {
  return { index, ...(withDocument && { document: { text: document } }), relevance_score: score }
}

/** It has no token for "yes" or for "no". */
function isNoReranker(error: unknown): boolean {
  return error instanceof QuernError && error.code === 'unsupported_model'
}

function noReranker(name: string, cause: unknown): ApiError {
  const message = `the model '${name}' is no reranker; serve one such as Qwen/Qwen3-Reranker-0.6B`
  return new ApiError(400, 'unsupported', message, { param: 'model', cause })
}
