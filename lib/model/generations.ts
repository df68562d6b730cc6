import type { ChatMessage } from '../chat/messages.js'
import { Generation } from '../generation/generation.js'
import { consecutiveSeeds, type GenerateManyOptions, once } from '../generation/many.js'
import { type GenerateOptions, type ResolvedOptions, resolveOptions } from '../generation/options.js'
import { type Prompt, Run, type RunEnd } from '../generation/run.js'
import { checkFits } from '../input/take-numbers.js'
import { fromNative } from '../native/call-native.js'
import type { SessionOptions } from '../session/session.js'
import type { ModelIdentity, SessionModel } from '../session/session-model.js'
import { expectGenerates, type TaskTarget } from '../tasks/task-target.js'
import { checkSinkChoice } from './attention-sinks.js'
import { modelIdentity } from './identity.js'
import type { ModelInfo, ModelParts } from './model-info.js'
import { checkPromptOptions, conversationPrompt, conversationTokens, type PromptTools } from './prompt.js'

/** What a generation is made of. Whatever one of these throws, the generation rejects with. */
export interface Ingredients {
  /** Copies the caller's options. */
  take: () => GenerateOptions
  encode: (options: GenerateOptions) => Prompt | Promise<Prompt>
  /** Checks the options and fills in the defaults. */
  resolve?: (options: GenerateOptions) => ResolvedOptions
  onEnd?: RunEnd
  /** The number of the session's file whose pages it may use; 0: none. */
  origin?: number
}

/** Starts the generations of one model, those of its sessions too. */
export class Generations {
  readonly #parts: ModelParts
  readonly #target: TaskTarget
  readonly #prompts: PromptTools
  readonly #checkOpen: () => void
  /** Of the files that were loaded: they may be other ones by the time that a session is saved. */
  readonly #identity: Promise<ModelIdentity>
  /** Session files that were loaded. */
  #origins = 0

  constructor(
    parts: ModelParts,
    target: TaskTarget,
    prompts: PromptTools & { info: ModelInfo },
    checkOpen: () => void,
  ) {
    this.#parts = parts
    this.#target = target
    this.#prompts = prompts
    this.#checkOpen = checkOpen
    this.#identity = modelIdentity(prompts.info, parts.plan)
    this.#identity.catch(() => {}) // whoever needs it hears of it
  }

  /** Starts one, at once unless its text is long. */
  start(ingredients: Ingredients): Generation {
    const run = new Run(ingredients.onEnd)
    void this.#begin(run, ingredients)
    return new Generation(run)
  }

  /** Several that differ in their seeds alone; the input is encoded once. */
  startMany(
    { n, seed: first, ...shared }: GenerateManyOptions,
    encode: (options: GenerateOptions) => Prompt | Promise<Prompt>,
  ): Generation[] {
    const encodeOnce = once(() => encode(shared))
    const resolveOnce = once(() => this.resolve({ ...shared, seed: first }))
    return consecutiveSeeds(n, first).map((seed) =>
      this.start({
        take: () => shared,
        encode: encodeOnce,
        resolve: () => ({ ...resolveOnce(), seed }),
      }),
    )
  }

  /** One that rejects. */
  refused(reason: unknown): Generation {
    const run = new Run()
    run.fail(reason)
    return new Generation(run)
  }

  /** Checks options and fills in the model's defaults. */
  resolve(options: GenerateOptions): ResolvedOptions {
    const { defaults, stopTokens, attentionSinks } = this.#parts
    checkSinkChoice(options.contextOverflow, attentionSinks)
    return resolveOptions(options, defaults, stopTokens, this.#target.nativeTokenizer)
  }

  /** What all replies of a session would be refused for is refused when it begins. */
  checkSession(options: SessionOptions): SessionOptions {
    expectGenerates(this.#target)
    this.resolve(options)
    checkPromptOptions(options)
    return options
  }

  /** What a session needs that comes from a file, whose pages nobody but its conversations may use. */
  forSessionFile(): SessionModel {
    return this.forSession(++this.#origins)
  }

  /** What a session needs. `origin` numbers the file that it is from; 0: it is from none. */
  forSession(origin = 0): SessionModel {
    return {
      reply: (messages: readonly ChatMessage[], options: GenerateOptions, onEnd: RunEnd) =>
        this.start({
          take: () => options,
          encode: (taken) => conversationPrompt(messages, taken, this.#prompts),
          onEnd,
          origin,
        }),
      refused: (reason) => this.refused(reason),
      encode: (messages, options) => conversationTokens(messages, options, this.#prompts),
      identity: () => this.#identity,
      pages: { model: this.#target.model, requests: this.#target.requests, origin },
      onWarning: this.#parts.onWarning,
    }
  }

  /** Runs up to the first wait before it returns, and never rejects. */
  async #begin(run: Run, { take, encode, resolve, origin = 0 }: Ingredients): Promise<void> {
    try {
      const options = take()
      run.accept(resolve?.(options) ?? this.resolve(options))
      expectGenerates(this.#target)
      const encoded = encode(options)
      const prompt = encoded instanceof Promise ? await encoded : encoded
      const longest = this.#longestOf(options)
      if (longest !== undefined) checkFits(prompt.tokens.length, longest)
      this.#checkOpen()
      if (options.stop !== undefined) void this.#prompts.tokenizer // without one there is no text, and this throws
      const { model, requests, nativeTokenizer: tokenizer } = this.#target
      run.start({ model, requests, tokenizer, origin, longest }, prompt)
    } catch (error) {
      run.fail(fromNative(error))
    }
  }

  /** What a request stays within although the model knows no end; undefined: what the model allows. */
  #longestOf({ contextOverflow = 'sink' }: GenerateOptions): number | undefined {
    const { attentionSinks, contextLength } = this.#prompts.info
    return attentionSinks === undefined || contextOverflow === 'sink' ? undefined : contextLength
  }
}
