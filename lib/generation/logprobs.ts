import type { NativeLogprobs, NativeTokenizer } from '../native/binding.js'

/**
 * A token and how likely the model found it.
 *
 * @example
 * ```ts
 * const { logprobs } = await model.generate('2 + 2 =', { logprobs: true, topLogprobs: 5 }).result()
 * const likely: TopLogprob[] = logprobs?.[0]?.top ?? []
 * ```
 */
export interface TopLogprob {
  id: number
  /** Its text; empty without a tokenizer. A token that is part of a character has U+FFFD. */
  token: string
  /** Natural logarithm of its probability in the model's own distribution, before penalties, temperature and filters. */
  logprob: number
}

/**
 * A token that was generated, and the likeliest ones in its place.
 *
 * @example
 * ```ts
 * const { logprobs = [] } = await model.generate('2 + 2 =', { logprobs: true, topLogprobs: 5 }).result()
 * for (const { token, logprob, top } of logprobs) console.log(token, Math.exp(logprob), top.map((one) => one.token))
 * ```
 */
export interface TokenLogprob extends TopLogprob {
  /** The likeliest first, as many as `topLogprobs` asks for. */
  top: TopLogprob[]
}

/** What a row says of its token. */
export function tokenLogprob(
  id: number,
  { values, ends, ids, logprobs }: NativeLogprobs,
  row: number,
  tokenizer: NativeTokenizer | undefined,
): TokenLogprob {
  const describe = (token: number, logprob: number): TopLogprob => ({
    id: token,
    token: tokenizer?.decode(Int32Array.of(token), false) ?? '',
    logprob,
  })
  const top: TopLogprob[] = []
  for (let i = row === 0 ? 0 : (ends[row - 1] as number); i < (ends[row] as number); i++)
    top.push(describe(ids[i] as number, logprobs[i] as number))
  return { ...describe(id, values[row] as number), top }
}

/** What rows say of tokens, one each. */
export function tokenLogprobs(
  tokens: Int32Array,
  rows: NativeLogprobs,
  tokenizer: NativeTokenizer | undefined,
): TokenLogprob[] {
  return Array.from(tokens, (id, row) => tokenLogprob(id, rows, row, tokenizer))
}
