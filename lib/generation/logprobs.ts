import type { NativeRow, NativeTokenizer } from '../native/binding.js'

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

/** What a row says of its token; undefined where the request did not ask. */
export function tokenLogprob(
  { token: id, logprob, topIds, topLogprobs }: NativeRow,
  tokenizer: NativeTokenizer | undefined,
): TokenLogprob | undefined {
  if (logprob === undefined) return undefined
  const describe = (token: number, value: number): TopLogprob => ({
    id: token,
    token: tokenizer?.decode(Int32Array.of(token), false) ?? '',
    logprob: value,
  })
  const top = Array.from(topIds ?? [], (token, i) => describe(token, topLogprobs?.[i] as number))
  return { ...describe(id, logprob), top }
}
