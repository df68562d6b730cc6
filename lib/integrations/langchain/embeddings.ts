import { Embeddings, type EmbeddingsParams } from '@langchain/core/embeddings'
import { LazyModel, type ModelHandle } from '../model-handle.js'
import { takeFields } from './fields.js'

/**
 * What {@link QuernEmbeddings} is made with.
 *
 * @example
 * ```ts
 * const fields: QuernEmbeddingsFields = { model: () => load('Qwen/Qwen3-Embedding-0.6B'), dimensions: 256 }
 * ```
 */
export interface QuernEmbeddingsFields extends EmbeddingsParams {
  model: ModelHandle
  /** Numbers of a vector. Default: all that the model has. */
  dimensions?: number | undefined
  /** What queries are asked for, in the words of `embed()`. Documents are embedded as they are. */
  instruction?: string | undefined
}

/**
 * LangChain's embeddings by a model of this process.
 *
 * @example
 * ```ts
 * const embeddings = new QuernEmbeddings({ model })
 * const [sky, bread] = await embeddings.embedDocuments(['The sky is blue.', 'Bread is baked.'])
 * ```
 */
export class QuernEmbeddings extends Embeddings {
  readonly #model: LazyModel
  readonly #dimensions: number | undefined
  readonly #instruction: string | undefined

  constructor(fields: QuernEmbeddingsFields) {
    super(takeFields('QuernEmbeddings', fields, ['model', 'dimensions', 'instruction']))
    this.#model = new LazyModel(fields.model)
    this.#dimensions = fields.dimensions
    this.#instruction = fields.instruction
  }

  /**
   * A vector for each text.
   *
   * @example
   * ```ts
   * const vectors = await new QuernEmbeddings({ model }).embedDocuments(['The sky is blue.'])
   * ```
   */
  override async embedDocuments(documents: string[]): Promise<number[][]> {
    const model = await this.#model.get()
    const vectors = await model.embed(documents, { dimensions: this.#dimensions })
    return vectors.map((vector) => Array.from(vector))
  }

  /**
   * A query's vector.
   *
   * @example
   * ```ts
   * const vector = await new QuernEmbeddings({ model }).embedQuery('Why is the sky blue?')
   * ```
   */
  override async embedQuery(query: string): Promise<number[]> {
    const model = await this.#model.get()
    const options = { dimensions: this.#dimensions, instruction: this.#instruction }
    return Array.from(await model.embed(query, options))
  }
}
