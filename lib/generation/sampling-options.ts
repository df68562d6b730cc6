import type { samplers } from '../native/constants.js'

/**
 * How tokens are drawn. Without `samplers` the steps come in Hugging Face's order: `logitBias`, `repetitionPenalty`, `frequencyPenalty`,
 * `presencePenalty`, `dry`, `temperature`, `topNSigma`, `topK`, `topP`, `minP`, `typicalP`, `xtc`, `mirostat`.
 *
 * @example
 * ```ts
 * const options: SamplingOptions = { temperature: 0.8, minP: 0.05, repetitionPenalty: 1.1, dry: { multiplier: 0.8 } }
 * ```
 */
export interface SamplingOptions {
  /** Divides the logits before sampling; 0 always takes the likeliest token. */
  temperature?: number | undefined
  /** Sample among this many of the likeliest tokens; 0: all. Tokens as likely as the last of them are kept too. */
  topK?: number | undefined
  /** Sample among the likeliest tokens that together reach this probability; 1: all. */
  topP?: number | undefined
  /** Sample among tokens at least this share as likely as the likeliest; 0: all. */
  minP?: number | undefined
  /** Sample among the tokens nearest to the average surprise that together reach this probability; 1: all. */
  typicalP?: number | undefined
  /** Sample among tokens whose logit is at most this many standard deviations below the largest; 0 or less: all. */
  topNSigma?: number | undefined
  /** Divides the positive logits, and multiplies the others, of tokens that occur in the prompt or the output; 1: off. */
  repetitionPenalty?: number | undefined
  /** Subtracted from a token's logit for each time that it occurs in the output. */
  frequencyPenalty?: number | undefined
  /** Subtracted from the logit of every token that occurs in the output. */
  presencePenalty?: number | undefined
  /** Added to the logits of single tokens, by their id; -100 or less bans a token. */
  logitBias?: Readonly<Record<number, number>> | undefined
  /** Penalises tokens that would continue a repetition. */
  dry?: DryOptions | undefined
  /** Now and then leaves out the likeliest tokens, for variety. */
  xtc?: XtcOptions | undefined
  /** Keeps the surprise of the tokens near a target, in place of the filters that the model's makers ask for. */
  mirostat?: MirostatOptions | undefined
  /** The steps in this order, by the names of their options. It is the whole chain: what it does not name is left out. */
  samplers?: readonly SamplerName[] | undefined
}

/**
 * A step of sampling, by the name of its option.
 *
 * @example
 * ```ts
 * const samplers: SamplerName[] = ['dry', 'topK', 'typicalP', 'topP', 'minP', 'xtc', 'temperature']
 * ```
 */
export type SamplerName = (typeof samplers)[number]

/**
 * DRY: a token that would make a repetition of n tokens one longer loses `multiplier * base ** (n - allowedLength)`.
 *
 * @example
 * ```ts
 * const dry: DryOptions = { multiplier: 0.8, allowedLength: 3, breakers: ['\n', [198]] }
 * ```
 */
export interface DryOptions {
  /** 0: off. */
  multiplier: number
  /** Default 1.75. */
  base?: number | undefined
  /** Shorter repetitions are not penalised. Default 2. */
  allowedLength?: number | undefined
  /** Looks at this many of the last tokens of prompt and output; -1: at all, which is the default; 0: off. */
  penaltyLastN?: number | undefined
  /**
   * What repetitions do not reach across, as texts or token ids; single tokens among them are never penalised. Of those that overlap the
   * last that begins counts. A text stands for the tokens that the tokenizer makes of it alone. Default: a line break, `:`, `"` and `*`, or none without a tokenizer.
   */
  breakers?: readonly (string | readonly number[])[] | undefined
}

/**
 * XTC: of the tokens that reach the threshold, all but the least likely are left out.
 *
 * @example
 * ```ts
 * const xtc: XtcOptions = { probability: 0.5, threshold: 0.1 }
 * ```
 */
export interface XtcOptions {
  /** Of doing that, for each token anew; 0: never. */
  probability: number
  /** A probability; above 0.5 nothing is left out. Default 0.1. */
  threshold?: number | undefined
}

/**
 * Mirostat. It draws the token, so in `samplers` it comes last. Filters that are given come before it; those of the model's
 * generation_config.json do not.
 *
 * @example
 * ```ts
 * const mirostat: MirostatOptions = { version: 2, tau: 5, eta: 0.1 }
 * ```
 */
export interface MirostatOptions {
  /** 1 takes the top k, 2 drops tokens that would surprise too much. Default 2. */
  version?: 1 | 2 | undefined
  /** The surprise to aim for, in bits. Default 5. */
  tau?: number | undefined
  /** How fast it adapts. Default 0.1. */
  eta?: number | undefined
  /** The state to begin with; during a generation it follows the tokens. Default: twice `tau`. */
  mu?: number | undefined
}
