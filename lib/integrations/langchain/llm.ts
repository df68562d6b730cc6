import type { CallbackManagerForLLMRun } from '@langchain/core/callbacks/manager'
import { type BaseLLMCallOptions, type BaseLLMParams, LLM } from '@langchain/core/language_models/llms'
import { GenerationChunk } from '@langchain/core/outputs'
import type { Generation } from '../../index.js'
import { LazyModel, type ModelHandle } from '../model-handle.js'
import { type GenerationFields, generationFields, takeFields } from './fields.js'

/**
 * What {@link QuernLLM} is made with.
 *
 * @example
 * ```ts
 * const fields: QuernLLMFields = { model, temperature: 0.7, maxTokens: 256 }
 * ```
 */
export interface QuernLLMFields extends BaseLLMParams, GenerationFields {
  model: ModelHandle
  /** Texts that end an answer, where a call names none. */
  stop?: string[] | undefined
}

/**
 * What a call of {@link QuernLLM} takes beside its text.
 *
 * @example
 * ```ts
 * const options: QuernLLMCallOptions = { maxTokens: 64, stop: ['\n'] }
 * ```
 */
export interface QuernLLMCallOptions extends BaseLLMCallOptions, GenerationFields {}

/**
 * A model of LangChain that continues a text as it stands, in this process.
 *
 * @example
 * ```ts
 * const text = await new QuernLLM({ model, maxTokens: 64 }).invoke('Once upon a time')
 * ```
 */
export class QuernLLM extends LLM<QuernLLMCallOptions> {
  readonly #model: LazyModel
  readonly #fields: GenerationFields
  readonly #stop: string[] | undefined

  constructor(fields: QuernLLMFields) {
    super(takeFields('QuernLLM', fields, ['model', 'stop']))
    this.#model = new LazyModel(fields.model)
    this.#fields = generationFields(fields)
    this.#stop = fields.stop
  }

  /** @internal */
  static override lc_name(): string {
    return 'QuernLLM'
  }

  /** @internal */
  override _llmType(): string {
    return 'quern'
  }

  /** @internal What a cache of LangChain's knows answers by. */
  override _identifyingParams(): Record<string, unknown> {
    return { ...this.#fields, stop: this.#stop }
  }

  /** @internal */
  override async _call(prompt: string, options: this['ParsedCallOptions']): Promise<string> {
    return (await this.#start(prompt, options)).text()
  }

  /** @internal */
  override async *_streamResponseChunks(
    prompt: string,
    options: this['ParsedCallOptions'],
    runManager?: CallbackManagerForLLMRun,
  ): AsyncGenerator<GenerationChunk> {
    for await (const text of await this.#start(prompt, options)) {
      yield new GenerationChunk({ text })
      await runManager?.handleLLMNewToken(text)
    }
  }

  async #start(prompt: string, options: this['ParsedCallOptions']): Promise<Generation> {
    const model = await this.#model.get()
    const { stop = this.#stop, signal } = options
    const own = generationFields(takeFields('QuernLLM', options))
    return model.generate(prompt, { ...this.#fields, ...own, stop, signal })
  }
}
