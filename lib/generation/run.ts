import { QuernError } from '../errors.js'
import type { NativeModel, NativeRow, NativeTokenizer } from '../native/binding.js'
import { callNative, failureOf } from '../native/call-native.js'
import { onAbort } from '../on-abort.js'
import { type TokenLogprob, tokenLogprob } from './logprobs.js'
import type { ResolvedOptions } from './options.js'
import { Queue } from './queue.js'
import type { Requests } from './requests.js'
import { plainReader, Reply, type ReplyPart, type ReplyReader } from './reply.js'
import {
  cancelledTimings,
  type DroppedMessages,
  type GenerationResult,
  type OutputEvent,
  timingsOf,
} from './result.js'

/** Where a run is submitted, and what decodes its tokens. */
export interface RunTarget {
  model: NativeModel
  requests: Requests
  tokenizer: NativeTokenizer | undefined
  /** Whose pages it may use besides those that the model computed; 0: nobody's. */
  origin: number
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

/** Tokens whose reading is reported to the engine at once. Well below the 256 at which it pauses. */
const acknowledgeEvery = 32

/**
 * One generation from submission to its end: what it gave so far, what is unread, and how it ended. `Generation` is its public face; the
 * engine's callback holds this and not that, so a Generation that nobody holds can be noticed.
 */
export class Run {
  readonly #events = new Queue<OutputEvent>()
  readonly #tokens: number[] = []
  readonly #reply = new Reply()
  readonly #logprobs: TokenLogprob[] = []
  #reader: ReplyReader = plainReader
  #request: number | undefined
  #target: RunTarget | undefined
  #promptTokens = 0
  #cachedTokens = 0
  #dropped: DroppedMessages | undefined
  #draining = false
  #unacknowledged = 0
  #submitted = performance.now()
  #first: number | undefined
  #wake: (() => void) | undefined
  #ended = false
  #settle!: { resolve: (result: GenerationResult) => void; reject: (reason: unknown) => void }
  readonly #options: ResolvedOptions
  #unlisten: (() => void) | undefined
  /** Settles when the run ends. Somebody who only iterates never sees it, so it must not count as unhandled. */
  readonly done: Promise<GenerationResult>

  /** `onEnd` is called at the end, before anybody else hears of it; without a result where the run failed. */
  constructor(options: ResolvedOptions, onEnd?: (result: GenerationResult | undefined) => void) {
    this.#options = options
    this.done = new Promise((resolve, reject) => {
      this.#settle = { resolve, reject }
    })
    if (onEnd !== undefined) {
      const { resolve, reject } = this.#settle
      this.#settle = {
        resolve: (result) => {
          try {
            onEnd(result)
            resolve(result)
          } catch (error) {
            this.#settle.reject(error)
          }
        },
        reject: (reason) => {
          try {
            onEnd(undefined)
          } finally {
            reject(reason)
          }
        },
      }
    }
    this.done.catch(() => {})
    const { signal } = options
    if (signal?.aborted) this.#abort(signal)
    else this.#unlisten = signal && onAbort(signal, () => this.#abort(signal))
  }

  /** Somebody waits for the end: everything counts as read. */
  get draining(): boolean {
    return this.#draining
  }

  start(target: RunTarget, { tokens, reader, keepSpecialTokens = false, dropped }: Prompt): void {
    if (this.#ended) return
    this.#dropped = dropped
    this.#target = target
    this.#reader = reader?.() ?? plainReader
    this.#promptTokens = tokens.length
    const { signal: _, keepOnAbort: _keep, ...sampling } = this.#options
    const request = {
      ...sampling,
      prompt: tokens,
      stopTokens: Int32Array.from(sampling.stopTokens),
      keepSpecialTokens,
      tokenizer: target.tokenizer,
      origin: target.origin,
      logits: 'none' as const,
    }
    this.#submitted = performance.now()
    this.#request = callNative(() => target.model.submit(request))
    target.requests.add(this.#request, (row) => this.#take(row))
  }

  fail(reason: unknown): void {
    this.#fail(reason)
  }

  /** Ends the run as cancelled, at once; the engine hears of it. */
  cancel(): void {
    if (this.#ended) return
    const now = performance.now()
    const timings = cancelledTimings(
      this.#submitted,
      this.#first,
      now,
      this.#promptTokens - this.#cachedTokens,
      this.#tokens.length,
    )
    this.#end()
    this.#settle.resolve(this.#result('cancelled', timings))
  }

  #abort(signal: AbortSignal): void {
    if (this.#options.keepOnAbort) this.cancel()
    else this.#fail(signal.reason)
  }

  drain(): void {
    if (this.#draining) return
    this.#draining = true
    let unread = 0
    for (const event of this.#events) unread += event.tokens.length
    this.#acknowledge(unread, true)
  }

  /** The next event; undefined at the end. Rejects if the run failed. */
  async next(): Promise<OutputEvent | undefined> {
    for (;;) {
      const event = this.#events.shift()
      if (event !== undefined) {
        if (!this.#draining) this.#acknowledge(event.tokens.length, this.#events.length === 0)
        return event
      }
      if (this.#ended) {
        await this.done
        return undefined
      }
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
  }

  /** What a reader or a listener of ours throws ends this run alone: the rows of others follow in the same call. */
  #take(row: NativeRow): void {
    if (this.#ended) return
    try {
      this.#read(row)
    } catch (error) {
      this.#fail(error)
    }
  }

  #read(row: NativeRow): void {
    if (row.token >= 0) {
      this.#first ??= performance.now()
      this.#cachedTokens = row.cachedTokens ?? this.#cachedTokens
      this.#tokens.push(row.token)
      const logprob = tokenLogprob(row, this.#target?.tokenizer)
      if (logprob !== undefined) this.#logprobs.push(logprob)
      this.#emit(this.#reader.push(row.text), [row.token], logprob)
      if (this.#draining) this.#acknowledge(1, false)
    }
    if (row.finish === 'failed') {
      this.#fail(failureOf(row))
    } else if (row.finish === 'cancelled') {
      this.#fail(new QuernError('closed', 'the model was closed while generating'))
    } else if (row.finish === 'stop' || row.finish === 'length') {
      this.#emit(this.#reader.end(), [])
      const reason = row.finish === 'stop' && this.#reply.toolCalls.length > 0 ? 'tool-calls' : row.finish
      const computed = this.#promptTokens - this.#cachedTokens
      const result = this.#result(reason, timingsOf(row, computed, this.#tokens.length))
      this.#end()
      this.#settle.resolve(result)
    } else {
      this.#wake?.()
    }
  }

  /** The first event carries the tokens that led to these parts, so every token is in one event. */
  #emit(parts: ReplyPart[], tokens: number[], logprob?: TokenLogprob): void {
    for (const part of parts) this.#reply.add(part)
    const [first, ...others] = parts
    if (first !== undefined || tokens.length > 0) {
      const event: OutputEvent = { ...(first ?? { type: 'tokens' }), tokens }
      this.#events.push(logprob === undefined ? event : { ...event, logprobs: [logprob] })
    }
    for (const part of others) this.#events.push({ ...part, tokens: [] })
  }

  #result(
    finishReason: GenerationResult['finishReason'],
    timings: GenerationResult['timings'],
  ): GenerationResult {
    return {
      text: this.#reply.text,
      reasoning: this.#reply.reasoning,
      toolCalls: this.#reply.toolCalls,
      message: this.#reply.toMessage(),
      tokens: Int32Array.from(this.#tokens),
      ...(this.#options.sampling.topLogprobs >= 0 && { logprobs: this.#logprobs }),
      finishReason,
      usage: {
        promptTokens: this.#promptTokens,
        cachedTokens: this.#cachedTokens,
        completionTokens: this.#tokens.length,
      },
      seed: this.#options.seed,
      ...(this.#dropped && { dropped: this.#dropped }),
      timings,
    }
  }

  #fail(reason: unknown): void {
    if (this.#ended) return
    this.#end()
    this.#settle.reject(reason)
  }

  #end(): void {
    this.#ended = true
    this.#unlisten?.()
    if (this.#request !== undefined) this.#target?.model.cancel(this.#request) // does nothing where the engine ended it
    this.#target = undefined
    this.#wake?.()
  }

  #acknowledge(tokens: number, flush: boolean): void {
    this.#unacknowledged += tokens
    if (this.#request === undefined || this.#target === undefined) return
    if (this.#unacknowledged < acknowledgeEvery && !flush) return
    this.#target.model.consumed(this.#request, this.#unacknowledged)
    this.#unacknowledged = 0
  }
}
