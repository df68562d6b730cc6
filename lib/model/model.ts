import type { ChatTemplate } from '../chat/chat-template.js'
import type { ChatMessage } from '../chat/messages.js'
import { QuernError } from '../errors.js'
import type { Generation } from '../generation/generation.js'
import { type GenerateManyOptions, takeGenerateManyOptions } from '../generation/many.js'
import { type GenerateOptions, takeGenerateOptions } from '../generation/options.js'
import { Requests } from '../generation/requests.js'
import { expectOurs, guardReceivers } from '../input/guard-receivers.js'
import { takePath } from '../input/take-text.js'
import { loadSession } from '../session/load-session.js'
import { Session, type SessionOptions, takeSessionOptions } from '../session/session.js'
import { type EmbedOptions, embed } from '../tasks/embed.js'
import { type Perplexity, type PerplexityOptions, perplexity } from '../tasks/perplexity.js'
import { type RankedDocument, type RankOptions, rank } from '../tasks/rank.js'
import { type Score, type ScoreOptions, score } from '../tasks/score.js'
import type { TextInput, TextInputs } from '../tasks/take-texts.js'
import type { TaskTarget } from '../tasks/task-target.js'
import type { Tokenizer } from '../tokenizer/tokenizer.js'
import { CompiledTemplates } from './compiled-templates.js'
import { freeModel } from './free-model.js'
import { Generations } from './generations.js'
import { computeLogits, type Logits, type LogitsOptions } from './logits.js'
import {
  expectTokenizer,
  type ModelInfo,
  type ModelParts,
  type ModelStats,
  modelInfo,
  modelStats,
} from './model-info.js'
import { conversationPrompt, type GenerateInput, makePrompt } from './prompt.js'
import { type PromptTokensOptions, promptTokens } from './prompt-tokens.js'
import { takeConversation, takeInput } from './take-input.js'
import { taskTarget } from './task-target.js'

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
  readonly #templates: CompiledTemplates
  readonly #target: TaskTarget
  readonly #generations: Generations
  #isClosed = false
  #freed: Promise<void> | undefined

  /** @internal */
  constructor(parts: ModelParts) {
    expectOurs(parts?.requests instanceof Requests, 'Model', 'load()')
    this.#parts = parts
    this.#templates = new CompiledTemplates(parts.source, parts.chatTemplates, parts.tokenizer?.specialTokens)
    this.info = modelInfo(parts)
    this.#target = taskTarget(parts, this)
    this.#generations = new Generations(parts, this.#target, this, () => this.#checkOpen())
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
    return expectTokenizer(this.#parts)
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
   * `template_error`, `template_limit`, `embedding_only`, `overloaded`, `closed`.
   *
   * @param input A text, encoded as the model's tokenizer does by default, an array of messages, or `{ tokens }`.
   * @example
   * ```ts
   * for await (const text of model.generate('Once upon a time', { maxTokens: 64 })) process.stdout.write(text)
   * ```
   */
  generate(input: GenerateInput, options: GenerateOptions = {}): Generation {
    return this.#generations.start({
      take: () => takeGenerateOptions('generate', options),
      encode: (taken) => makePrompt(takeInput(input, this.info.longestSequence), taken, this),
    })
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
    return this.#generations.start({
      take: () => takeGenerateOptions('chat', options),
      encode: (taken) => conversationPrompt(takeConversation(messages), taken, this),
    })
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
    const taken = this.#generations.checkSession(takeSessionOptions('session', options))
    return new Session(this.#generations.forSession(), taken)
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
    const taken = this.#generations.checkSession(takeSessionOptions('loadSession', options))
    return loadSession(takePath('loadSession', path), taken, this.#generations.forSessionFile())
  }

  /**
   * The tokens that {@link Model.generate} would continue for the same input: to count them, or to cut what is too long. Nothing is computed.
   *
   * @throws {QuernError} what `generate` rejects with for such an input.
   * @example
   * ```ts
   * const { length } = await model.promptTokens(messages, { tools: [getWeather] })
   * ```
   */
  async promptTokens(input: GenerateInput, options: PromptTokensOptions = {}): Promise<Int32Array> {
    this.#checkOpen()
    return promptTokens(input, options, this)
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
    return this.#generations.startMany(takeGenerateManyOptions(options), (shared) =>
      makePrompt(takeInput(input, this.info.longestSequence), shared, this),
    )
  }

  /**
   * A text as a vector of length 1, the normalised state of its last token: texts that mean alike have vectors whose dot product is near 1.
   * Models such as Qwen3-Embedding are trained for that; the vectors of others mean less.
   *
   * @param input A text, encoded as the model's tokenizer does by default, or `{ tokens }`; or an array of them, for one vector each.
   * @throws {QuernError} `invalid_input`, `invalid_option`, `unsupported_option`, `invalid_token`, `context_overflow`, `kv_cache_too_small`,
   * `no_tokenizer`, `overloaded`, `closed`; or the reason of an aborted signal. Of several inputs, the message names the one that is wrong.
   * @example
   * ```ts
   * const [query, sky = new Float32Array()] = await model.embed(['Why is the sky blue?', 'Rayleigh scattering …'])
   * const nearness = query?.reduce((sum, value, i) => sum + value * (sky[i] ?? 0), 0)
   * ```
   */
  embed(input: TextInput, options?: EmbedOptions): Promise<Float32Array>
  embed(inputs: readonly TextInput[], options?: EmbedOptions): Promise<Float32Array[]>
  embed(input: TextInputs, options?: EmbedOptions): Promise<Float32Array | Float32Array[]>
  async embed(input: TextInputs, options: EmbedOptions = {}): Promise<Float32Array | Float32Array[]> {
    this.#checkOpen()
    return embed(input, options, this.#target)
  }

  /**
   * Sorts documents by how well they answer a query, the best first, as a reranker such as Qwen3-Reranker judges them: it is asked about each
   * whether it meets the requirements, and its probability of "yes" is the score.
   *
   * @throws {QuernError} what `embed` throws; `unsupported_model` where "yes" or "no" is no token of the model, `embedding_only`.
   * @example
   * ```ts
   * const ranked = await model.rank('Why is the sky blue?', ['A recipe …', 'Rayleigh scattering …'], { topN: 1 })
   * console.log(ranked[0]?.document, ranked[0]?.score)
   * ```
   */
  async rank(
    query: string,
    documents: readonly string[],
    options: RankOptions = {},
  ): Promise<RankedDocument[]> {
    this.#checkOpen()
    return rank(query, documents, options, this.#target)
  }

  /**
   * How likely the model finds a continuation of a prompt, token by token and in all. The two are encoded as one text and cut where the
   * prompt's tokens end; white space at the end of the prompt counts as the continuation's, as usual evaluations have it.
   *
   * @param continuation A text, or `{ tokens }` where the prompt is; or an array of them, for a score each.
   * @throws {QuernError} what `embed` throws, and `embedding_only`.
   * @example
   * ```ts
   * const answers = await model.score('The sun rises in the', [' east', ' west'])
   * const [east, west] = answers.map(({ logprob }) => Math.exp(logprob))
   * ```
   */
  score(prompt: TextInput, continuation: TextInput, options?: ScoreOptions): Promise<Score>
  score(prompt: TextInput, continuations: readonly TextInput[], options?: ScoreOptions): Promise<Score[]>
  score(prompt: TextInput, continuation: TextInputs, options?: ScoreOptions): Promise<Score | Score[]>
  async score(
    prompt: TextInput,
    continuation: TextInputs,
    options: ScoreOptions = {},
  ): Promise<Score | Score[]> {
    this.#checkOpen()
    return score(prompt, continuation, options, this.#target)
  }

  /**
   * How well the model foretells a text. A text longer than the context is read in windows that overlap.
   *
   * @throws {QuernError} what `embed` throws, and `embedding_only`.
   * @example
   * ```ts
   * const { perplexity, tokens } = await model.perplexity(await readFile('story.txt', 'utf8'))
   * ```
   */
  async perplexity(text: TextInput, options: PerplexityOptions = {}): Promise<Perplexity> {
    this.#checkOpen()
    return perplexity(text, options, this.#target)
  }

  /**
   * The model's raw scores for the token after each input token, for research and tests.
   *
   * @throws {QuernError} `invalid_input`, `invalid_token`, `context_overflow`, `kv_cache_too_small`, `closed`.
   * @example
   * ```ts
   * const { data, shape } = await model.logits(model.tokenizer.encode('Once upon a'), { positions: 'last' })
   * ```
   */
  async logits(tokens: ArrayLike<number>, options: LogitsOptions = {}): Promise<Logits> {
    this.#checkOpen()
    return computeLogits(tokens, options, this.#parts.plan.config.vocab, this.#target)
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
    return modelStats(this.#parts.handle)
  }

  /**
   * Frees the model: when it resolves, its memory is given back. Generations that still run reject with `closed`. Closing twice is no error.
   *
   * @example
   * ```ts
   * await model.close()
   * ```
   */
  async close(): Promise<void> {
    if (this.#isClosed) return this.#freed
    this.#isClosed = true
    this.#freed = freeModel(this.#parts, this.#target)
    await this.#freed
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
}
