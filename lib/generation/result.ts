import type { NativeAnswer } from '../native/binding.js'
import type { TokenLogprob } from './logprobs.js'
import type { AssistantMessage, ReplyPart, ToolCall } from './reply.js'

/**
 * Why a generation ended: a stop token or stop string came, the same after asking for tools, `maxTokens` or the context was reached, or it
 * was cancelled.
 *
 * @example
 * ```ts
 * const isWhole = (reason: FinishReason) => reason === 'stop' || reason === 'tool-calls'
 * ```
 */
export type FinishReason = 'stop' | 'tool-calls' | 'length' | 'cancelled'

/**
 * Tokens that went in and came out.
 *
 * @example
 * ```ts
 * const { promptTokens, cachedTokens, completionTokens }: Usage = (await model.chat('Hello!').result()).usage
 * ```
 */
export interface Usage {
  promptTokens: number
  /** Of the prompt, how many were found in the KV cache: earlier prompts and answers began alike. Known with the first token. */
  cachedTokens: number
  completionTokens: number
  /** Of these, how many it thought with, as far as is known when they come: the tags around its thoughts count to what they begin. */
  reasoningTokens: number
}

/**
 * The oldest part of a conversation, which did not fit the context.
 *
 * @example
 * ```ts
 * const { dropped } = await model.chat(messages, { contextOverflow: 'truncate' }).result()
 * if (dropped) console.warn(`${dropped.messages} old messages were left out`)
 * ```
 */
export interface DroppedMessages {
  messages: number
  /** A turn is a user's message and all that answers it. */
  turns: number
}

/**
 * Where the time went.
 *
 * @example
 * ```ts
 * const { firstTokenMs, decodeTokensPerSecond }: Timings = (await model.chat('Hello!').result()).timings
 * ```
 */
export interface Timings {
  /** Milliseconds before the first step. */
  queuedMs: number
  /** Milliseconds from the call to the first token. */
  firstTokenMs: number
  /** Prompt tokens that were computed over the time from the first step to the first token. */
  prefillTokensPerSecond: number
  /** Tokens after the first over the time that they took; 0 where there is none. */
  decodeTokensPerSecond: number
}

/**
 * All that a generation gave.
 *
 * @example
 * ```ts
 * const { text, usage, finishReason, seed }: GenerationResult = await model.chat('Hello!').result()
 * ```
 */
export interface GenerationResult {
  /** What it says, without reasoning and tool calls. */
  text: string
  /** What it thought before, `<think>...</think>`; empty where it did not. */
  reasoning: string
  /** The tools that it asks for. */
  toolCalls: ToolCall[]
  /** All of this as a message, to go on with. */
  message: AssistantMessage
  /** All generated tokens, the one that stopped it included. */
  tokens: Int32Array
  /** One for each of `tokens`, where `logprobs` asks for them. */
  logprobs?: TokenLogprob[]
  /** One for each token of the prompt, where `promptLogprobs` asks for them. The first is null: nothing comes before it. */
  promptLogprobs?: (TokenLogprob | null)[]
  finishReason: FinishReason
  /** Which of the strings in the option `stop` ended it; absent where none did. */
  stop?: string
  usage: Usage
  /** What the sampler was seeded with: the same seed, prompt and options give the same text. */
  seed: number
  timings: Timings
  /** What `contextOverflow: 'truncate'` left out of the prompt; absent where all of it fitted. */
  dropped?: DroppedMessages
}

/**
 * What comes of a generation while it runs. `tokens` are those that led to the event: each token is in one event. Text is whole characters,
 * and never empty: `tokens` alone come while it is not known what they belong to, for what gives no text, and always without a tokenizer.
 *
 * @example
 * ```ts
 * const spoken = (event: OutputEvent) => (event.type === 'text-delta' ? event.text : '')
 * ```
 */
export type OutputEvent = (ReplyPart | { type: 'tokens' }) & {
  tokens: number[]
  /** One for each of `tokens`, where `logprobs` asks for them. */
  logprobs?: TokenLogprob[]
}

/**
 * What `Generation.events()` gives: text, reasoning and tool calls as they come, then the end.
 *
 * @example
 * ```ts
 * for await (const event of model.chat('Hello!').events()) {
 *   if (event.type === 'text-delta') process.stdout.write(event.text)
 *   if (event.type === 'stream-end') console.log(event.finishReason)
 * }
 * ```
 */
export type GenerationEvent =
  | OutputEvent
  | ({ type: 'stream-end' } & Omit<GenerationResult, 'text' | 'tokens' | 'logprobs' | 'promptLogprobs'>)

/** The timings of a request that came to its end in the engine. */
export function timingsOf(
  { queuedSeconds, prefillSeconds, decodeSeconds }: Extract<NativeAnswer, { kind: 'end' }>,
  computedTokens: number,
  completionTokens: number,
): Timings {
  return {
    queuedMs: 1e3 * queuedSeconds,
    firstTokenMs: 1e3 * (queuedSeconds + prefillSeconds),
    prefillTokensPerSecond: rate(computedTokens, prefillSeconds),
    decodeTokensPerSecond: rate(completionTokens - 1, decodeSeconds),
  }
}

/** The same for one that was cancelled, by the clock here. Milliseconds. */
export function cancelledTimings(
  submitted: number,
  first: number | undefined,
  now: number,
  prompt: number,
  completion: number,
): Timings {
  const firstTokenMs = (first ?? now) - submitted
  return {
    queuedMs: 0,
    firstTokenMs,
    prefillTokensPerSecond: first === undefined ? 0 : rate(prompt, firstTokenMs / 1e3),
    decodeTokensPerSecond: first === undefined ? 0 : rate(completion - 1, (now - first) / 1e3),
  }
}

function rate(count: number, seconds: number): number {
  return count > 0 && seconds > 0 ? count / seconds : 0
}
