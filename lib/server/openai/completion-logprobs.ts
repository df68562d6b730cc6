import { z } from 'zod'
import type { TokenDecoder, Tokenizer, TokenLogprob, TopLogprob } from '../../index.js'

/** Log-probabilities as the completions endpoint has them: lists with an entry for each token. */
export const completionLogprobs = z.object({
  tokens: z.array(z.string()),
  /** The first token of an echoed prompt has none: nothing comes before it. */
  token_logprobs: z.array(z.number().nullable()),
  top_logprobs: z.array(z.record(z.string(), z.number()).nullable()),
  /** Characters of the choice's text before the token. */
  text_offset: z.array(z.int()),
})

type CompletionLogprobs = z.output<typeof completionLogprobs>

/** What stands for a probability of zero, whose logarithm JSON cannot say. */
const never = -9999

/** Tells the tokens of one choice in their order, and where in its text they are. */
export class LogprobTeller {
  readonly #tokenizer: Tokenizer
  #decoder: TokenDecoder
  #characters = 0

  constructor(tokenizer: Tokenizer) {
    this.#tokenizer = tokenizer
    this.#decoder = tokenizer.decoder({ goesOn: true })
  }

  /** The tokens of a prompt that is echoed. What its tokenizer put before the text is no part of it. */
  prompt(ids: Int32Array, scores: readonly TokenLogprob[], text: string): CompletionLogprobs {
    this.#decoder = this.#tokenizer.decoder()
    const added = this.#addedBefore(ids, text)
    return this.#tell([...ids].map((id, i) => ({ id, score: scores[i - 1], hasText: i >= added })))
  }

  /** Tokens that were generated. Special ones give no text. */
  generated(scores: readonly TokenLogprob[]): CompletionLogprobs {
    return this.#tell(
      scores.map((score) => ({ id: score.id, score, hasText: !this.#tokenizer.isSpecial(score.id) })),
    )
  }

  #tell(tokens: { id: number; score: TokenLogprob | undefined; hasText: boolean }[]): CompletionLogprobs {
    return {
      tokens: tokens.map(({ id }) => this.#name(id)),
      token_logprobs: tokens.map(({ score }) => score && finite(score.logprob)).map((one) => one ?? null),
      top_logprobs: tokens.map(({ score }) => (score ? this.#likeliest(score) : null)),
      text_offset: tokens.map(({ id, hasText }) => this.#place(id, hasText)),
    }
  }

  /** The token itself is among them even where it is not one of the likeliest. */
  #likeliest(score: TokenLogprob): Record<string, number> {
    const told = (one: TopLogprob) => [this.#name(one.id), finite(one.logprob)] as const
    return Object.fromEntries([...score.top.map(told), told(score)])
  }

  /** A token that holds a part of a character is told as its bytes, as OpenAI's API does it: `bytes:\xe9\x87`. */
  #name(id: number): string {
    const bytes = this.#tokenizer.bytesOf(id)
    const text = Buffer.from(bytes).toString()
    if (!text.includes('\ufffd') || Buffer.from(text).equals(bytes)) return text
    return `bytes:${[...bytes].map((byte) => `\\x${byte.toString(16).padStart(2, '0')}`).join('')}`
  }

  /** A character that spans tokens counts after the last of them. */
  #place(id: number, hasText: boolean): number {
    const place = this.#characters
    if (hasText) this.#characters += lengthOf(this.#decoder.push(id))
    return place
  }

  #addedBefore(ids: Int32Array, text: string): number {
    let added = 0
    for (const id of ids) {
      if (!this.#tokenizer.isSpecial(id) || text.startsWith(this.#name(id))) break
      added++
    }
    return added
  }
}

function finite(logprob: number): number {
  return Math.max(logprob, never)
}

/** In code points. */
function lengthOf(text: string): number {
  let length = 0
  for (const _ of text) length++
  return length
}
