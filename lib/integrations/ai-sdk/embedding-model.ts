import type { EmbedOptions } from '../../index.js'
import type { LazyModel } from '../model-handle.js'
import { forSdk } from './sdk-errors.js'
import type { EmbedCall, EmbeddingModel, SpecificationVersion, Warning } from './spec.js'

/** Texts of one call: the SDK cuts more into several, which are computed together all the same. */
const mostTexts = 2048

/** A model that gives vectors, in the AI SDK's words. `providerOptions.quern` may hold `dimensions`, `instruction` and `priority`. */
export class QuernEmbeddingModel<V extends SpecificationVersion> implements EmbeddingModel<V> {
  readonly provider = 'quern'
  readonly maxEmbeddingsPerCall = mostTexts
  readonly supportsParallelCalls = true
  readonly specificationVersion: V
  readonly modelId: string
  readonly #model: LazyModel

  constructor(specificationVersion: V, modelId: string, model: LazyModel) {
    this.specificationVersion = specificationVersion
    this.modelId = modelId
    this.#model = model
  }

  async doEmbed({ values, abortSignal, providerOptions }: EmbedCall): Promise<{
    embeddings: number[][]
    usage: { tokens: number }
    warnings: Warning[]
  }> {
    try {
      const model = await this.#model.get()
      const options: EmbedOptions = { ...providerOptions?.quern, signal: abortSignal }
      const vectors = await model.embed(values, options)
      let tokens = 0
      for (const text of values) tokens += (await model.tokenizer.encodeAsync(text)).length
      return { embeddings: vectors.map((vector) => Array.from(vector)), usage: { tokens }, warnings: [] }
    } catch (error) {
      throw forSdk(error)
    }
  }
}
