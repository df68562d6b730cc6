import { takeFloats, takeTokens } from '../input/take-numbers.js'
import { takeOptions } from '../input/take-options.js'
import { callNative } from '../native/call-native.js'
import { native } from '../native/load-binding.js'
import { nativeTokenizer, type Tokenizer } from '../tokenizer/tokenizer.js'
import { resolveSampling, samplingOptionNames } from './resolve-sampling.js'
import type { SamplingOptions } from './sampling-options.js'

/**
 * What came before the token.
 *
 * @example
 * ```ts
 * const context: SamplingContext = { prompt: model.tokenizer.encode('Once upon a'), generated: [] }
 * ```
 */
export interface SamplingContext {
  /** The tokens generated so far. */
  generated?: ArrayLike<number> | undefined
  /** The tokens of the prompt. */
  prompt?: ArrayLike<number> | undefined
  /** Needed where `dry.breakers` has texts. */
  tokenizer?: Tokenizer | undefined
}

/**
 * The exact probabilities that a request with these options draws its next token from: what is left out is off, the temperature 1. A
 * token that cannot be drawn has exactly 0. Where `xtc` takes part by chance, both cases count by theirs.
 *
 * @param logits A number for each token of the vocabulary, as `model.logits` gives them for one position.
 * @throws {QuernError} `invalid_option`, `unsupported_option`, `invalid_input`, `invalid_token`, `no_tokenizer`; `not_finite` where no token
 * could be drawn.
 * @example
 * ```ts
 * const prompt = model.tokenizer.encode('Once upon a')
 * const { data } = await model.logits(prompt, { positions: 'last' })
 * const probabilities = samplingDistribution(data, { temperature: 0.7, topP: 0.9, repetitionPenalty: 1.1 }, { prompt })
 * ```
 */
export function samplingDistribution(
  logits: Float32Array,
  options: SamplingOptions = {},
  context: SamplingContext = {},
): Float32Array {
  const given = takeFloats('logits', logits)
  const taken = takeOptions('samplingDistribution', options, samplingOptionNames)
  const before = takeOptions('samplingDistribution', context, contextNames, contextNames)
  const prompt = takeTokens('prompt', before.prompt ?? [])
  const generated = takeTokens('generated', before.generated ?? [])
  const tokens = new Int32Array(prompt.length + generated.length)
  tokens.set(prompt)
  tokens.set(generated, prompt.length)
  const tokenizer = before.tokenizer && nativeTokenizer(before.tokenizer)
  const sampling = { ...resolveSampling(taken, { temperature: 1 }, tokenizer), topLogprobs: -1 }
  return callNative(() => native().samplingDistribution(given, sampling, tokens, prompt.length))
}

const contextNames = ['generated', 'prompt', 'tokenizer']
