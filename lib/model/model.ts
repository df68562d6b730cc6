import type { ChatTemplate } from '../chat/chat-template.js'
import type { ChatMessage } from '../chat/messages.js'
import { QuernError } from '../errors.js'
import { Generation } from '../generation/generation.js'
import {
  consecutiveSeeds,
  type GenerateManyOptions,
  once,
  takeGenerateManyOptions,
} from '../generation/many.js'
import {
  type GenerateOptions,
  type ResolvedOptions,
  resolveOptions,
  takeGenerateOptions,
} from '../generation/options.js'
import { Requests } from '../generation/requests.js'
import { type Prompt, Run } from '../generation/run.js'
import { expectOurs, guardReceivers } from '../input/guard-receivers.js'
import { takePath } from '../input/take-text.js'
import type { NativeTokenizer } from '../native/binding.js'
import { callNative, fromNative } from '../native/call-native.js'
import { loadSession } from '../session/load-session.js'
import { Session, type SessionOptions, takeSessionOptions } from '../session/session.js'
import type { ModelIdentity, ReplyEnd, SessionModel } from '../session/session-model.js'
import { nativeTokenizer, type Tokenizer } from '../tokenizer/tokenizer.js'
import { CompiledTemplates } from './compiled-templates.js'
import { modelIdentity } from './identity.js'
import { computeLogits, type Logits, type LogitsOptions } from './logits.js'
import { type ModelInfo, type ModelParts, type ModelStats, modelInfo } from './model-info.js'
import {
  checkPromptOptions,
  conversationPrompt,
  conversationTokens,
  type GenerateInput,
  makePrompt,
} from './prompt.js'
import { takeInput, takeMessages } from './take-input.js'

/**
 * A loaded model. Any number of generations may run at the same time; they are computed in common batches, and each gives what it would
 * give alone.
 *
 * @example
 * ```ts
 * const model = await load()
 * for await (const text of model.generate('Once upon a time')) process.stdout.write(text)
 * await model.close()
 * ```
 */
export class Model {
  /** What the model is and how it is run. */
  readonly info: ModelInfo
  readonly #parts: ModelParts
  /** Of the files that were loaded: they may be other ones by the time that a session is saved. */
  readonly #identity: Promise<ModelIdentity>
  readonly #templates: CompiledTemplates
  #isClosed = false
  /** Session files that were loaded. */
  #origins = 0

  /** @internal */
  constructor(parts: ModelParts) {
    expectOurs(parts?.requests instanceof Requests, 'Model', 'load()')
    this.#parts = parts
    this.#templates = new CompiledTemplates(parts.source, parts.chatTemplates, parts.tokenizer?.specialTokens)
    this.info = modelInfo(parts)
    this.#identity = modelIdentity(this.info, parts.plan)
    this.#identity.catch(() => {}) // whoever needs it hears of it
  }

  /**
   * The model's tokenizer.
   *
   * @throws {QuernError} `no_tokenizer` where it has none or it was left out.
   * @example
   * ```ts
   * model.tokenizer.count('How many tokens is this?')
   * ```
   */
  get tokenizer(): Tokenizer {
    const { tokenizer, source } = this.#parts
    if (tokenizer === undefined) {
      throw new QuernError(
        'no_tokenizer',
        `${source} is loaded without a tokenizer: work with { tokens } instead of text`,
      )
    }
    return tokenizer
  }

  /**
   * The model's chat template, to see what it makes of a conversation, or to give it variables of its own. Some models have another one,
   * named `tool_use`, which `chat()` takes where there are tools.
   *
   * @throws {QuernError} `no_chat_template` where the model has none, `invalid_template` where it is not usable.
   * @example
   * ```ts
   * const prompt = model.chatTemplate.render(messages, { addGenerationPrompt: true, enable_thinking: false })
   * const tokens = model.tokenizer.encode(prompt, { addSpecialTokens: false })
   * const text = await model.generate({ tokens }).text()
   * ```
   */
  get chatTemplate(): ChatTemplate {
    return this.templateFor(false)
  }

  /** @internal The template for conversations, with tools or without. */
  templateFor(hasTools: boolean): ChatTemplate {
    return this.#templates.choose(hasTools)
  }

  /**
   * Continues a text as it stands, a conversation through the model's chat template, or token ids. Generating begins at once; what is
   * wrong with the input or the options rejects when the generation is read: `unsupported_option`, `invalid_option`, `invalid_input`,
   * `invalid_token`, `context_overflow`, `kv_cache_too_small`, `no_tokenizer`, `no_chat_template`, `invalid_template`,
   * `template_error`, `template_limit`, `closed`.
   *
   * @param input A text, encoded as the model's tokenizer does by default, an array of messages, or `{ tokens }`.
   * @example
   * ```ts
   * for await (const text of model.generate('Once upon a time', { maxTokens: 64 })) process.stdout.write(text)
   * ```
   */
  generate(input: GenerateInput, options: GenerateOptions = {}): Generation {
    const take = () => takeGenerateOptions('generate', options)
    return this.#start(take, (taken) => makePrompt(takeInput(input), taken, this))
  }

  /**
   * Answers a message, or the last one of a conversation, through the model's chat template. Otherwise as {@link Model.generate}.
   *
   * @param messages A text that a user says, or the conversation so far.
   * @example
   * ```ts
   * const messages: ChatMessage[] = [{ role: 'user', content: 'Why is the sky blue?' }]
   * const content = await model.chat(messages, { maxTokens: 256 }).text()
   * messages.push({ role: 'assistant', content }, { role: 'user', content: 'And at sunset?' })
   * ```
   */
  chat(messages: string | readonly ChatMessage[], options: GenerateOptions = {}): Generation {
    const conversation =
      typeof messages === 'string' ? [{ role: 'user' as const, content: messages }] : messages
    const take = () => takeGenerateOptions('chat', options)
    return this.#start(take, (taken) => conversationPrompt(takeMessages(conversation), taken, this))
  }

  /**
   * A conversation that keeps itself: say something, get the reply, go on. It can be edited, forked and saved to a file.
   *
   * @throws {QuernError} `invalid_option`, `invalid_input`, `closed`.
   * @example
   * ```ts
   * const session = model.session({ system: 'Be terse.', maxTokens: 256 })
   * for await (const text of session.chat('Why is the sky blue?')) process.stdout.write(text)
   * console.log(await session.chat('And at sunset?').text())
   * ```
   */
  session(options: SessionOptions = {}): Session {
    this.#checkOpen()
    return new Session(this.#sessionModel(), this.#checked(takeSessionOptions('session', options)))
  }

  /**
   * A conversation from a file that {@link Session.save} wrote. What was computed of it comes with it, where this machine computes alike
   * (quern's version, instruction set and number types); otherwise it warns and the next prompt is computed anew.
   *
   * @param options The session's defaults: they are not in the file.
   * @throws {QuernError} `invalid_session` for a damaged file, `session_mismatch` for another model's, `missing_file`, `read_error`, `closed`.
   * @example
   * ```ts
   * const session = await model.loadSession('sky.session')
   * ```
   */
  async loadSession(
    path: string,
    options: Omit<SessionOptions, 'system' | 'messages'> = {},
  ): Promise<Session> {
    this.#checkOpen()
    const taken = this.#checked(takeSessionOptions('loadSession', options))
    return loadSession(takePath('loadSession', path), taken, this.#sessionModel(++this.#origins))
  }

  /**
   * Several continuations of one input, which differ in their seeds alone: `seed`, `seed` + 1 and so on, each given in its result. The
   * input is encoded once. Otherwise as {@link Model.generate}.
   *
   * @param options Those of `generate()`, and `n`, the number of continuations.
   * @throws {QuernError} `invalid_option` where `n` is not a whole number from 1 to 1024, or so many seeds do not exist.
   * @example
   * ```ts
   * const generations = model.generateMany('Once upon a', { n: 4, seed: 1, temperature: 1 })
   * const texts = await Promise.all(generations.map((generation) => generation.text()))
   * ```
   */
  generateMany(input: GenerateInput, options: GenerateManyOptions): Generation[] {
    const { n, seed: first, ...shared } = takeGenerateManyOptions(options)
    const encode = once(() => makePrompt(takeInput(input), shared, this))
    const resolve = once(() => this.#resolve({ ...shared, seed: first }))
    return consecutiveSeeds(n, first).map((seed) =>
      this.#start(() => shared, encode, { resolve: () => ({ ...resolve(), seed }) }),
    )
  }

  /**
   * The model's raw scores for the token after each input token, for research and tests.
   *
   * @returns `data` as rows [positions, vocab] of float32.
   * @throws {QuernError} `invalid_input`, `invalid_token`, `context_overflow`, `kv_cache_too_small`, `closed`.
   * @example
   * ```ts
   * const { data, shape } = await model.logits(model.tokenizer.encode('Once upon a'), { positions: 'last' })
   * ```
   */
  async logits(tokens: ArrayLike<number>, options: LogitsOptions = {}): Promise<Logits> {
    this.#checkOpen()
    return computeLogits(tokens, options, this.#parts)
  }

  /**
   * How busy the model is, and what memory it has.
   *
   * @example
   * ```ts
   * const { active, kvCache } = model.stats()
   * ```
   */
  stats(): ModelStats {
    this.#checkOpen()
    const { active, queued, pages, pagesInUse, pagesCached, kvBytes, weightBytes, workspaceBytes } =
      callNative(() => this.#parts.handle.stats())
    return {
      active,
      queued,
      kvCache: { pages, pagesInUse, pagesCached, bytes: kvBytes },
      memory: { weights: weightBytes, workspace: workspaceBytes },
    }
  }

  /**
   * Frees the model. Generations that still run reject with `closed`. Closing twice is no error.
   *
   * @example
   * ```ts
   * await model.close()
   * ```
   */
  async close(): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    const { handle, requests } = this.#parts
    requests.deliver(callNative(() => handle.close()))
  }

  /**
   * The same as `close()`, for `await using`.
   *
   * @example
   * ```ts
   * await using model = await load()
   * ```
   */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  static {
    guardReceivers(Model, (value) => #parts in value)
  }

  #checkOpen(): void {
    if (this.#isClosed) throw new QuernError('closed', 'the model is closed')
  }

  /** What all replies of a session would be refused for is refused when it begins. */
  #checked(options: SessionOptions): SessionOptions {
    this.#resolve(options)
    checkPromptOptions(options)
    return options
  }

  /** `origin` numbers the file that the session is from, whose pages nobody but its conversations may use. */
  #sessionModel(origin = 0): SessionModel {
    const { handle, requests, onWarning } = this.#parts
    return {
      reply: (messages, options, onEnd) =>
        this.#start(
          () => options,
          (taken) => conversationPrompt(messages, taken, this),
          { onEnd, origin },
        ),
      refused: (reason) => this.#refused(reason),
      encode: (messages, options) => conversationTokens(messages, options, this),
      identity: () => this.#identity,
      pages: { model: handle, requests, origin },
      onWarning,
    }
  }

  #start(
    take: () => GenerateOptions,
    encode: (options: GenerateOptions) => Prompt | Promise<Prompt>,
    { onEnd, origin = 0, resolve = (options) => this.#resolve(options) }: StartOptions = {},
  ): Generation {
    const { handle, requests } = this.#parts
    try {
      const options = take()
      const run = new Run(resolve(options), onEnd)
      const start = (prompt: Prompt) => {
        this.#checkOpen()
        if (options.stop !== undefined) void this.tokenizer // without one there is no text, and this throws
        run.start({ model: handle, requests, tokenizer: this.#nativeTokenizer, origin }, prompt)
      }
      try {
        const prompt = encode(options)
        if (prompt instanceof Promise) prompt.then(start).catch((error) => run.fail(fromNative(error)))
        else start(prompt)
      } catch (error) {
        run.fail(error)
      }
      return new Generation(run)
    } catch (error) {
      return this.#refused(error, onEnd)
    }
  }

  get #nativeTokenizer(): NativeTokenizer | undefined {
    const { tokenizer } = this.#parts
    return tokenizer && nativeTokenizer(tokenizer)
  }

  #resolve(options: GenerateOptions): ResolvedOptions {
    const { defaults, stopTokens } = this.#parts
    return resolveOptions(options, defaults, stopTokens, this.#nativeTokenizer)
  }

  #refused(reason: unknown, onEnd?: ReplyEnd): Generation {
    const run = new Run(this.#resolve({}), onEnd)
    run.fail(reason)
    return new Generation(run)
  }
}

/** How a generation begins, where it is not a plain one. */
interface StartOptions {
  onEnd?: ReplyEnd | undefined
  origin?: number
  /** Checks the options and fills in the defaults. */
  resolve?: (options: GenerateOptions) => ResolvedOptions
}
