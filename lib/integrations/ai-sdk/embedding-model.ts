import type { EmbedOptions } from '../../index.js'
import type { LazyModel } from '../model-handle.js'
import { forSdk } from './sdk-errors.js'
import type { EmbedCall, EmbeddingModel, SpecificationVersion, Warning } from './spec.js'

/** Texts of one call: the SDK cuts more into several, which are computed together all the same. */
const mostTexts = 2048

/** A model that gives vectors, in the AI SDK's words, without `this` for its proxies. `providerOptions.quern` may hold `dimensions`, `instruction` and `priority`. */
export class QuernEmbeddingModel<V extends SpecificationVersion> implements EmbeddingModel<V> {
  readonly provider = 'quern'
  readonly maxEmbeddingsPerCall = mostTexts
  readonly supportsParallelCalls = true
  readonly specificationVersion: V
  readonly modelId: string
  readonly doEmbed: EmbeddingModel<V>['doEmbed']

  constructor(specificationVersion: V, modelId: string, model: LazyModel) {
    this.specificationVersion = specificationVersion
    this.modelId = modelId
    this.doEmbed = (call) => embedWith(call, model)
  }
}

async function embedWith(
  { values, abortSignal, providerOptions }: EmbedCall,
  model: LazyModel,
): Promise<{
  embeddings: number[][]
  usage: { tokens: number }
  warnings: Warning[]
}> {
  try {
    const loaded = await model.get()
    const options: EmbedOptions = { ...providerOptions?.quern, signal: abortSignal }
    const encoded = await Promise.all(values.map((text) => loaded.promptTokens(text)))
    // Texts that get an instruction are encoded with it.
    const inputs = options.instruction === undefined ? encoded.map((tokens) => ({ tokens })) : values
    const vectors = await loaded.embed(inputs, options)
    const tokens = encoded.reduce((sum, { length }) => sum + length, 0)
    return { embeddings: vectors.map((vector) => Array.from(vector)), usage: { tokens }, warnings: [] }
  } catch (error) {
    throw forSdk(error)
  }
}
