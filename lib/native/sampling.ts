import type { samplers } from './constants.js'

export type NativeSampler = (typeof samplers)[number]

/** How tokens are drawn. A step that is off has the value given here. `temperature` is off at 1. */
export interface NativeSampling {
  /** 0: always the likeliest token. */
  temperature: number
  /** 0. */
  topK: number
  /** 1. */
  topP: number
  /** 0. */
  minP: number
  /** 1. */
  typicalP: number
  /** 0. */
  topNSigma: number
  /** 1. */
  repetitionPenalty: number
  /** 0. */
  frequencyPenalty: number
  /** 0. */
  presencePenalty: number
  biasedTokens: Int32Array
  /** One for each of `biasedTokens`; -100 or less bans it. */
  biases: Float32Array
  xtc: NativeXtc
  dry: NativeDry
  mirostat: NativeMirostat
  /** The order of the steps, by the options' names; empty: the default order. */
  samplers: readonly NativeSampler[]
  /** Of how many of the likeliest tokens; -1: no logprobs. */
  topLogprobs: number
}

export interface NativeXtc {
  /** 0. */
  probability: number
  threshold: number
}

export interface NativeDry {
  /** 0. */
  multiplier: number
  base: number
  allowedLength: number
  /** -1: the whole context. */
  penaltyLastN: number
  breakers: Int32Array[]
}

export interface NativeMirostat {
  /** 0. */
  version: 0 | 1 | 2
  tau: number
  eta: number
  mu: number
}
