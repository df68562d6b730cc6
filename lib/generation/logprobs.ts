import type { NativeLogprobs, NativeTokenizer } from '../native/binding.js'
import { isTurnOver, nextTurn } from '../turn.js'

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

/** The texts of tokens. */
export type TextOf = (id: number) => string

/** What the tokenizer has for each token alone; nothing without one. */
export function textsOf(tokenizer: NativeTokenizer | undefined): TextOf {
  return (id) => tokenizer?.decode(Int32Array.of(id), false, true) ?? ''
}

/** What a row says of its token. */
export function tokenLogprob(
  id: number,
  { values, ends, ids, logprobs }: NativeLogprobs,
  row: number,
  textOf: TextOf,
): TokenLogprob {
  const describe = (token: number, logprob: number): TopLogprob => ({
    id: token,
    token: textOf(token),
    logprob,
  })
  const top: TopLogprob[] = []
  for (let i = row === 0 ? 0 : (ends[row - 1] as number); i < (ends[row] as number); i++)
    top.push(describe(ids[i] as number, logprobs[i] as number))
  return { ...describe(id, values[row] as number), top }
}

/** What rows say of tokens, one each. A long text's may be millions: other work of the event loop goes on between them. */
export async function tokenLogprobs(
  tokens: Int32Array,
  rows: NativeLogprobs,
  tokenizer: NativeTokenizer | undefined,
): Promise<TokenLogprob[]> {
  const textOf = remembering(textsOf(tokenizer))
  const told: TokenLogprob[] = []
  for (const [row, id] of tokens.entries()) {
    told.push(tokenLogprob(id, rows, row, textOf))
    if (isTurnOver()) await nextTurn()
  }
  return told
}

/** The same, asked once for each token: the likeliest are often the same ones. */
function remembering(textOf: TextOf): TextOf {
  const known = new Map<number, string>()
  return (id) => {
    const text = known.get(id) ?? textOf(id)
    known.set(id, text)
    return text
  }
}
