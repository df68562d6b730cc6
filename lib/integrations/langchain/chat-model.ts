import type { CallbackManagerForLLMRun } from '@langchain/core/callbacks/manager'
import type { BaseLanguageModelInput } from '@langchain/core/language_models/base'
import {
  BaseChatModel,
  type BaseChatModelCallOptions,
  type BaseChatModelParams,
  type BindToolsInput,
} from '@langchain/core/language_models/chat_models'
import type { AIMessageChunk, BaseMessage } from '@langchain/core/messages'
import type { ChatGenerationChunk, ChatResult } from '@langchain/core/outputs'
import type { Runnable } from '@langchain/core/runnables'
import { type FunctionTool, type Generation, QuernError } from '../../index.js'
import { LazyModel, type ModelHandle } from '../model-handle.js'
import { answerChunk, ChunkTeller } from './answer.js'
import { conversationOf } from './conversation.js'
import { type GenerationFields, generationFields, takeFields } from './fields.js'
import { toolDefinitions } from './tools.js'

/**
 * What {@link ChatQuern} is made with.
 *
 * @example
 * ```ts
 * const fields: ChatQuernFields = { model, temperature: 0.7, maxTokens: 256 }
 * ```
 */
export interface ChatQuernFields extends BaseChatModelParams, GenerationFields {
  model: ModelHandle
  /** Texts that end an answer, where a call names none. */
  stop?: string[] | undefined
}

/**
 * What a call of {@link ChatQuern} takes beside its messages.
 *
 * @example
 * ```ts
 * const options: ChatQuernCallOptions = { maxTokens: 64, signal: AbortSignal.timeout(10_000) }
 * ```
 */
export interface ChatQuernCallOptions extends BaseChatModelCallOptions, GenerationFields {
  tools?: BindToolsInput[]
}

/**
 * A chat model of LangChain that runs in this process.
 *
 * @example
 * ```ts
 * const chat = new ChatQuern({ model, temperature: 0.7 })
 * const { content } = await chat.invoke('Why is the sky blue?')
 * ```
 */
export class ChatQuern extends BaseChatModel<ChatQuernCallOptions> {
  readonly #model: LazyModel
  readonly #fields: GenerationFields
  readonly #stop: string[] | undefined

  constructor(fields: ChatQuernFields) {
    super(takeFields('ChatQuern', fields, ['model', 'stop']))
    this.#model = new LazyModel(fields.model)
    this.#fields = generationFields(fields)
    this.#stop = fields.stop
  }

  /** @internal */
  static override lc_name(): string {
    return 'ChatQuern'
  }

  /** @internal */
  override _llmType(): string {
    return 'quern'
  }

  /** @internal What a cache of LangChain's knows answers by. */
  override _identifyingParams(): Record<string, unknown> {
    return { ...this.#fields, stop: this.#stop }
  }

  /**
   * The same model with tools that it may call.
   *
   * @throws {QuernError} `invalid_option` for what is no tool.
   * @example
   * ```ts
   * const definition = { type: 'function', function: getWeather }
   * const { tool_calls } = await new ChatQuern({ model }).bindTools([definition]).invoke('What is the weather in Paris?')
   * ```
   */
  override bindTools(
    tools: BindToolsInput[],
    options: Partial<ChatQuernCallOptions> = {},
  ): Runnable<BaseLanguageModelInput, AIMessageChunk, ChatQuernCallOptions> {
    return this.withConfig({ ...options, tools: toolDefinitions(tools) })
  }

  /** @internal */
  override async _generate(messages: BaseMessage[], options: this['ParsedCallOptions']): Promise<ChatResult> {
    const generation = await this.#start(messages, options)
    return { generations: [answerChunk(await generation.result())] }
  }

  /** @internal */
  override async *_streamResponseChunks(
    messages: BaseMessage[],
    options: this['ParsedCallOptions'],
    runManager?: CallbackManagerForLLMRun,
  ): AsyncGenerator<ChatGenerationChunk> {
    const generation = await this.#start(messages, options)
    const teller = new ChunkTeller()
    for await (const event of generation.events()) {
      const chunk = teller.chunk(event)
      if (!chunk) continue
      yield chunk
      await runManager?.handleLLMNewToken(chunk.text, undefined, undefined, undefined, undefined, { chunk })
    }
  }

  async #start(messages: BaseMessage[], options: this['ParsedCallOptions']): Promise<Generation> {
    const model = await this.#model.get()
    return model.chat(conversationOf(messages), {
      ...this.#fields,
      ...generationFields(takeFields('ChatQuern', options)),
      stop: options.stop ?? this.#stop,
      tools: toolsOf(options),
      signal: options.signal,
    })
  }
}

/** A model cannot be made to call a tool yet, and nothing is only asked for in the prompt. */
function toolsOf({
  tools,
  tool_choice,
}: Pick<ChatQuernCallOptions, 'tools' | 'tool_choice'>): FunctionTool[] | undefined {
  if (tool_choice === 'none') return undefined
  if (tool_choice !== undefined && tool_choice !== 'auto') {
    const message = "tool_choice: a model cannot be made to call a tool yet; expected 'auto' or 'none'"
    throw new QuernError('unsupported_option', message, { value: tool_choice })
  }
  return tools && toolDefinitions(tools)
}
