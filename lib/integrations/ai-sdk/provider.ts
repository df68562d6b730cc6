import { type LoadOptions, QuernError } from '../../index.js'
import { show } from '../../input/show.js'
import { takeOptions } from '../../input/take-options.js'
import type { ModelHandle } from '../model-handle.js'
import { QuernEmbeddingModel } from './embedding-model.js'
import { QuernLanguageModel } from './language-model.js'
import { ModelsByName } from './models-by-name.js'
import { QuernRerankingModel } from './reranking-model.js'
import { noSuchModel } from './sdk-errors.js'
import type { EmbeddingModel, LanguageModel, RerankingModel, SpecificationVersion } from './spec.js'

/**
 * Settings of {@link createQuern}.
 *
 * @example
 * ```ts
 * const settings: QuernProviderSettings = { models: { small: () => load('Qwen/Qwen3-0.6B') } }
 * ```
 */
export interface QuernProviderSettings<V extends SpecificationVersion = 'v3'> {
  /** The models by their names, loaded or not yet. Without them a name is what `load()` takes: `org/name` of the hub, or a folder. */
  models?: Readonly<Record<string, ModelHandle>> | undefined
  /** How models are loaded that are not in `models`. */
  load?: LoadOptions | undefined
  /** Default 'v3', which the AI SDK 6 and 7 understand. 'v4' is for 7 alone: with it `reasoning` reaches the model. */
  specificationVersion?: V | undefined
}

/**
 * A provider of the AI SDK whose models run in this process. It is called with a model, or with the name of one.
 *
 * @example
 * ```ts
 * const provider: QuernProvider = createQuern({ models: { demo: model } })
 * const writer = provider('demo')
 * const embedder = provider.embeddingModel('demo')
 * ```
 */
export interface QuernProvider<V extends SpecificationVersion = 'v3'> {
  (model: string | ModelHandle): LanguageModel<V>
  readonly specificationVersion: V
  languageModel(model: string | ModelHandle): LanguageModel<V>
  embeddingModel(model: string | ModelHandle): EmbeddingModel<V>
  rerankingModel(model: string | ModelHandle): RerankingModel<V>
  /** There is none: throws `NoSuchModelError`. */
  imageModel(modelId: string): never
  /** Frees the models that were loaded by their names here. Those that were given stay their owner's. */
  close(): Promise<void>
}

/**
 * A provider for the AI SDK. Models that are not loaded yet are when they are first used, once for all that use them.
 *
 * @throws {QuernError} `unsupported_option`, `invalid_option`.
 * @example
 * ```ts
 * const provider = createQuern({ models: { demo: model, judge: () => load('Qwen/Qwen3-Reranker-0.6B') } })
 * const writer = provider('demo')
 * ```
 */
export function createQuern<V extends SpecificationVersion = 'v3'>(
  settings: QuernProviderSettings<V> = {},
): QuernProvider<V> {
  const taken = takeOptions(
    'createQuern',
    settings,
    ['models', 'load', 'specificationVersion'],
    ['models', 'load'],
  )
  const version = taken.specificationVersion ?? ('v3' as V)
  if (version !== 'v3' && version !== 'v4') {
    const message = `specificationVersion: expected 'v3' or 'v4', got ${show(version)}`
    throw new QuernError('invalid_option', message, { value: version })
  }
  const models = new ModelsByName(taken.models, taken.load)
  const languageModel = (given: string | ModelHandle) =>
    new QuernLanguageModel(version, ...models.find(given, 'languageModel'))
  return Object.assign((given: string | ModelHandle) => languageModel(given), {
    specificationVersion: version,
    languageModel,
    embeddingModel: (given: string | ModelHandle) =>
      new QuernEmbeddingModel(version, ...models.find(given, 'embeddingModel')),
    rerankingModel: (given: string | ModelHandle) =>
      new QuernRerankingModel(version, ...models.find(given, 'rerankingModel')),
    imageModel: (modelId: string): never => {
      throw noSuchModel(modelId, 'imageModel', 'quern makes no images')
    },
    close: () => models.close(),
  })
}

/**
 * The provider without settings: `quern(model)` for a model that is loaded, `quern('org/name')` for one that is loaded when it is first used.
 *
 * @example
 * ```ts
 * const writer = quern(model)
 * ```
 */
export const quern: QuernProvider = createQuern()
