import { expectOptions, QuernError } from '../errors.js'
import { callNative } from '../native/call-native.js'
import { native } from '../native/load-binding.js'
import type { Tokenizer } from '../tokenizer/tokenizer.js'
import { unsupportedOption } from './check-option.js'
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
 * @throws {QuernError} `invalid_option`, `unsupported_option`, `invalid_input`, `invalid_token`, `no_tokenizer`.
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
  expectOptions('samplingDistribution', options)
  expectOptions('samplingDistribution, the third argument', context)
  if (!(logits instanceof Float32Array) || logits.length === 0) {
    throw new QuernError('invalid_input', 'logits: expected a Float32Array with a number for each token', {
      value: logits,
    })
  }
  for (const [name, value] of Object.entries(options)) {
    if (value !== undefined && !samplingOptionNames.includes(name))
      throw unsupportedOption('samplingDistribution', name, samplingOptionNames, value)
  }
  const prompt = ids('prompt', context.prompt ?? [])
  const generated = ids('generated', context.generated ?? [])
  const tokens = new Int32Array(prompt.length + generated.length)
  tokens.set(prompt)
  tokens.set(generated, prompt.length)
  const sampling = {
    ...resolveSampling(options, { temperature: 1 }, context.tokenizer?.handle),
    topLogprobs: -1,
  }
  return callNative(() => native().samplingDistribution(logits, sampling, tokens, prompt.length))
}

function ids(name: string, tokens: ArrayLike<number>): Int32Array {
  if (tokens instanceof Int32Array) return tokens
  if (!Array.isArray(tokens) && !ArrayBuffer.isView(tokens))
    throw new QuernError('invalid_input', `${name}: expected an array of token ids`, { value: tokens })
  return Int32Array.from(tokens as ArrayLike<number>, (id) => {
    if (Number.isInteger(id) && Math.abs(id) < 2 ** 31) return id
    throw new QuernError('invalid_token', `${name}: expected token ids, whole numbers, got ${String(id)}`, {
      value: id,
    })
  })
}
