/**
 * LangChain's chat model, LLM and embeddings on models inside the process: `import { ChatQuern } from 'quern/langchain'`.
 *
 * @module quern/langchain
 */

import './core-present.js'

export type { ModelHandle } from '../model-handle.js'
export { ChatQuern, type ChatQuernCallOptions, type ChatQuernFields } from './chat-model.js'
export { QuernEmbeddings, type QuernEmbeddingsFields } from './embeddings.js'
export type { GenerationFields } from './fields.js'
export { QuernLLM, type QuernLLMCallOptions, type QuernLLMFields } from './llm.js'
