import { countTokens, messages } from './anthropic/messages.js'
import type { Endpoint } from './call.js'
import { chatCompletions } from './openai/chat-completions.js'
import { completions } from './openai/completions.js'
import { embeddings } from './openai/embeddings.js'
import { getModel, listModels } from './openai/models.js'
import { createResponse, deleteResponse, getResponse } from './openai/responses/responses.js'
import { openApi } from './openapi/openapi.js'
import { health } from './operations/health.js'
import { metrics } from './operations/metrics.js'
import { ready } from './operations/ready.js'
import { detokenize } from './vllm/detokenize.js'
import { rerank } from './vllm/rerank.js'
import { tokenize } from './vllm/tokenize.js'

const described: readonly Endpoint[] = [
  chatCompletions,
  completions,
  createResponse,
  getResponse,
  deleteResponse,
  messages,
  countTokens,
  embeddings,
  ...rerank,
  tokenize,
  detokenize,
  listModels,
  getModel,
  health,
  ready,
  metrics,
]

/** Everything that is served: the app, its OpenAPI document and the tests go by this table. */
export const endpoints: readonly Endpoint[] = [...described, openApi(described)]
