import type { Model, ScoreOptions, TokenLogprob } from '../../index.js'
import type { TextInput } from '../text-inputs.js'

/** A prompt that comes back at the head of its continuations. */
export interface Echo {
  text: string
  tokens: Int32Array
  /** Of all tokens but the first, which nothing comes before; absent where they are not asked for. */
  scores?: TokenLogprob[]
}

/**
 * Computes a prompt's log-probabilities before anything is generated, so that a stream can begin with them; what continues it then finds
 * the prompt in the KV cache.
 *
 * @param top Of how many of the likeliest tokens in each place; undefined: none are asked for.
 */
export async function echoOf(
  model: Model,
  input: TextInput,
  top: number | undefined,
  options: ScoreOptions,
): Promise<Echo> {
  const tokens = typeof input === 'string' ? await model.promptTokens(input) : input
  const text = typeof input === 'string' ? input : model.tokenizer.decode(input)
  if (top === undefined) return { text, tokens }
  if (tokens.length < 2) return { text, tokens, scores: [] }
  const [first, rest] = [tokens.subarray(0, 1), tokens.subarray(1)]
  const scored = await model.score({ tokens: first }, { tokens: rest }, { ...options, topLogprobs: top })
  return { text, tokens, scores: scored.tokens }
}
