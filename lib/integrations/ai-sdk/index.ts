/**
 * A provider for the Vercel AI SDK, on models inside the process: `import { quern } from 'quern/ai-sdk'`.
 *
 * @module quern/ai-sdk
 */

export type { ModelHandle } from '../model-handle.js'
export type { OwnOptions } from './own-options.js'
export { createQuern, type QuernProvider, type QuernProviderSettings, quern } from './provider.js'
export type { EmbeddingModel, LanguageModel, RerankingModel, SpecificationVersion } from './spec.js'
