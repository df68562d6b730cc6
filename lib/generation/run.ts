import type { NativeAnswer, NativeLogprobs, NativeTokenizer } from '../native/binding.js'
import { callNative, failureOf } from '../native/call-native.js'
import { onAbort } from '../on-abort.js'
import type { RequestTarget } from './ask.js'
import { type TokenLogprob, textsOf, tokenLogprob, tokenLogprobs } from './logprobs.js'
import type { ResolvedOptions } from './options.js'
import { Queue } from './queue.js'
import { plainReader, Reply, type ReplyPart, type ReplyReader } from './reply.js'
import type { RequestSink } from './requests.js'
import {
  cancelledTimings,
  type DroppedMessages,
  type GenerationResult,
  type OutputEvent,
  timingsOf,
} from './result.js'

/** Where a run is submitted, and what decodes its tokens. */
export interface RunTarget extends RequestTarget {
  tokenizer: NativeTokenizer | undefined
  /** Whose pages it may use besides those that the model computed; 0: nobody's. */
  origin: number
  /** Tokens of prompt and text together, where that is fewer than the model allows. */
  longest?: number | undefined
}

/** What a run begins with. */
export interface Prompt {
  tokens: Int32Array
  /** Makes what reads the text that is generated; absent: it is text. */
  reader?: () => ReplyReader
  /** The text that the reader sees holds special tokens. */
  keepSpecialTokens?: boolean
  /** What did not fit. */
  dropped?: DroppedMessages | undefined
}

/** What a reader gets: an event, or undefined at the end. */
type Reading = OutputEvent | undefined

/** Tokens whose reading is reported to the engine at once: each report wakes it. Well below the 256 at which it pauses. */
const acknowledgeEvery = 32

/** Called when a run ends, before anybody else hears of it; without a result where it failed. */
export type RunEnd = (result: GenerationResult | undefined) => void

/**
 * One generation from its options to its end: what it gave so far, what is unread, and how it ended. `Generation` is its public face; the
 * engine's callback holds this and not that, so a Generation that nobody holds can be noticed.
 */
export class Run implements RequestSink {
  readonly #events = new Queue<OutputEvent>()
  readonly #tokens: number[] = []
  readonly #reply = new Reply()
  readonly #logprobs: TokenLogprob[] = []
  #promptLogprobs: NativeLogprobs | undefined
  #options: ResolvedOptions | undefined
  #reader: ReplyReader = plainReader
  #request: number | undefined
  #target: RunTarget | undefined
  #prompt: Int32Array = new Int32Array()
  #cachedTokens = 0
  #reasoningTokens = 0
  /** Tokens of which nothing is known yet. */
  #undecided = 0
  #dropped: DroppedMessages | undefined
  #draining = false
  #unacknowledged = 0
  #submitted = performance.now()
  #first: number | undefined
  /** Who waits for the next event. */
  #waiting: ((reading: Reading | Promise<Reading>) => void) | undefined
  #ended = false
  #unlisten: (() => void) | undefined
  readonly #onEnd: RunEnd | undefined
  #settle!: {
    resolve: (result: GenerationResult | Promise<GenerationResult>) => void
    reject: (reason: unknown) => void
  }
  /** Settles when the run ends. Somebody who only iterates never sees it, so it must not count as unhandled. */
  readonly done: Promise<GenerationResult>

  constructor(onEnd?: RunEnd) {
    this.#onEnd = onEnd
    this.done = new Promise((resolve, reject) => {
      this.#settle = { resolve, reject }
    })
    this.done.catch(() => {})
  }

  /** Somebody waits for the end: everything counts as read. */
  get draining(): boolean {
    return this.#draining
  }

  /** Its options, when they are checked. From now on its signal ends it. */
  accept(options: ResolvedOptions): void {
    this.#options = options
    const { signal } = options
    if (signal?.aborted) this.#abort(signal)
    else this.#unlisten = signal && onAbort(signal, () => this.#abort(signal))
  }

  start(target: RunTarget, { tokens, reader, keepSpecialTokens = false, dropped }: Prompt): void {
    if (this.#ended || this.#options === undefined) return
    this.#dropped = dropped
    this.#target = target
    this.#reader = reader?.() ?? plainReader
    this.#prompt = tokens
    const { signal: _, keepOnAbort: _keep, ...options } = this.#options
    const room = (target.longest ?? Number.POSITIVE_INFINITY) - tokens.length
    const task = {
      ...options,
      maxTokens: Math.min(options.maxTokens, Math.max(1, room)), // one token follows even a prompt that fills the context
      kind: 'generate' as const,
      prompt: tokens,
      stopTokens: Int32Array.from(options.stopTokens),
      keepSpecialTokens,
      tokenizer: target.tokenizer,
      origin: target.origin,
    }
    this.#submitted = performance.now()
    this.#request = callNative(() => target.model.submit(task))
    target.requests.add(this.#request, this)
  }

  /** Ends the run with a reason to reject with. */
  fail(reason: unknown): void {
    if (this.#ended) return
    this.#close()
    try {
      this.#onEnd?.(undefined)
    } catch {} // the first reason is the one that counts
    this.#settle.reject(reason)
  }

  /** Ends the run as cancelled, at once; the engine hears of it. */
  cancel(): void {
    if (this.#ended) return
    const now = performance.now()
    const timings = cancelledTimings(
      this.#submitted,
      this.#first,
      now,
      this.#prompt.length - this.#cachedTokens,
      this.#tokens.length,
    )
    this.#end(this.#result('cancelled', timings))
  }

  #abort(signal: AbortSignal): void {
    if (this.#options?.keepOnAbort) this.cancel()
    else this.fail(signal.reason)
  }

  drain(): void {
    if (this.#draining) return
    this.#draining = true
    let unread = 0
    for (const event of this.#events) unread += event.tokens.length
    this.#acknowledge(unread)
  }

  /**
   * The next event; undefined at the end. Rejects if the run failed. One reader at a time: what is there is given at once, for a promise
   * costs as much as all else that a token does here.
   */
  next(): Reading | Promise<Reading> {
    if (this.#events.length > 0 || this.#ended) return this.#read()
    return new Promise((resolve) => {
      this.#waiting = resolve
    })
  }

  /** What a reader or a listener of ours throws, here or at an answer, ends this run alone. */
  token(id: number, text: string, logprobs: NativeLogprobs | undefined, row: number): void {
    if (this.#ended) return
    try {
      this.#first ??= performance.now()
      this.#tokens.push(id)
      const wanted = this.#wantsLogprobs ? logprobs : undefined
      const logprob = wanted && tokenLogprob(id, wanted, row, textsOf(this.#target?.tokenizer))
      if (logprob !== undefined) this.#logprobs.push(logprob)
      this.#emit(this.#reader.push(text), [id], logprob)
      if (this.#draining) this.#acknowledge(1)
      this.#wake()
    } catch (error) {
      this.fail(error)
    }
  }

  answer(answer: NativeAnswer): void {
    if (this.#ended) return
    try {
      if (answer.kind === 'begin') this.#begin(answer)
      else if (answer.kind === 'end') this.#finish(answer)
      else this.fail(failureOf(answer))
    } catch (error) {
      this.fail(error)
    }
  }

  #begin({ cachedTokens, promptLogprobs }: Extract<NativeAnswer, { kind: 'begin' }>): void {
    this.#cachedTokens = cachedTokens
    this.#promptLogprobs = promptLogprobs
  }

  #finish(answer: Extract<NativeAnswer, { kind: 'end' }>): void {
    this.#emit(this.#reader.end(), [])
    const { finish } = answer
    const reason = finish === 'stop' && this.#reply.toolCalls.length > 0 ? 'tool-calls' : finish
    const computed = this.#prompt.length - this.#cachedTokens
    const stop = this.#options?.stop[answer.stopString]
    this.#end(this.#result(reason, timingsOf(answer, computed, this.#tokens.length), stop))
  }

  /** The first event carries the tokens that led to these parts, so every token is in one event. */
  #emit(parts: ReplyPart[], tokens: number[], logprob?: TokenLogprob): void {
    if (parts.length === 0 && tokens.length > 0) this.#push({ type: 'tokens', tokens }, logprob)
    this.#undecided += tokens.length
    if (parts.length > 0) {
      if (parts[0]?.type === 'reasoning-delta') this.#reasoningTokens += this.#undecided
      this.#undecided = 0
    }
    for (const [i, part] of parts.entries()) {
      this.#reply.add(part)
      this.#push(withTokens(part, i === 0 ? tokens : []), i === 0 ? logprob : undefined)
    }
  }

  #push(event: OutputEvent, logprob: TokenLogprob | undefined): void {
    if (logprob !== undefined) event.logprobs = [logprob]
    this.#events.push(event)
  }

  get #wantsLogprobs(): boolean {
    return this.#options !== undefined && this.#options.sampling.topLogprobs >= 0
  }

  #result(
    finishReason: GenerationResult['finishReason'],
    timings: GenerationResult['timings'],
    stop?: string,
  ): GenerationResult {
    return {
      text: this.#reply.text,
      reasoning: this.#reply.reasoning,
      toolCalls: this.#reply.toolCalls,
      message: this.#reply.toMessage(),
      tokens: Int32Array.from(this.#tokens),
      ...(this.#wantsLogprobs && { logprobs: this.#logprobs }),
      finishReason,
      ...(stop !== undefined && { stop }),
      usage: {
        promptTokens: this.#prompt.length,
        cachedTokens: this.#cachedTokens,
        completionTokens: this.#tokens.length,
        reasoningTokens: this.#reasoningTokens,
      },
      seed: this.#options?.seed ?? 0,
      ...(this.#dropped && { dropped: this.#dropped }),
      timings,
    }
  }

  #end(result: GenerationResult): void {
    const tokenizer = this.#target?.tokenizer
    this.#close()
    try {
      this.#onEnd?.(result)
      this.#settle.resolve(
        this.#promptLogprobs ? this.#withPrompt(result, this.#promptLogprobs, tokenizer) : result,
      )
    } catch (error) {
      this.#settle.reject(error)
    }
  }

  async #withPrompt(result: GenerationResult, rows: NativeLogprobs, tokenizer: NativeTokenizer | undefined) {
    const described = await tokenLogprobs(this.#prompt.subarray(1), rows, tokenizer)
    return { ...result, promptLogprobs: [null, ...described] }
  }

  /** From here on nothing counts that comes. */
  #close(): void {
    this.#ended = true
    this.#unlisten?.()
    if (this.#request !== undefined) this.#target?.model.cancel(this.#request) // does nothing where the engine ended it
    this.#target = undefined
    this.#wake()
  }

  #read(): Reading | Promise<Reading> {
    const event = this.#events.shift()
    if (event === undefined) return this.done.then(() => undefined)
    if (!this.#draining) this.#acknowledge(event.tokens.length)
    return event
  }

  /** Gives who waits what has come. */
  #wake(): void {
    const waiting = this.#waiting
    if (waiting === undefined || (this.#events.length === 0 && !this.#ended)) return
    this.#waiting = undefined
    waiting(this.#read())
  }

  #acknowledge(tokens: number): void {
    this.#unacknowledged += tokens
    if (this.#request === undefined || this.#target === undefined) return
    if (this.#unacknowledged < acknowledgeEvery) return
    this.#target.model.consumed(this.#request, this.#unacknowledged)
    this.#unacknowledged = 0
  }
}

/** Text is most of what comes, and members written out cost a tenth of spreading them. */
function withTokens(part: ReplyPart, tokens: number[]): OutputEvent {
  return part.type === 'tool-call' ? { ...part, tokens } : { type: part.type, text: part.text, tokens }
}
