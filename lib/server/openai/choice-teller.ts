import type { FinishReason, GenerationEvent, GenerationResult, Tokenizer, TokenLogprob } from '../../index.js'
import { type CompletionChoice, joinLogprobs } from './completion-answer.js'
import { LogprobTeller } from './completion-logprobs.js'
import type { Echo } from './echo.js'

/** One continuation of a prompt as the completions endpoint tells it: at once, or piece by piece. */
export class ChoiceTeller {
  readonly #index: number
  readonly #echo: Echo | undefined
  readonly #logprobs: LogprobTeller | undefined
  /** Tokens that have given no text yet. */
  #untold: TokenLogprob[] = []

  /** @param tokenizer Where log-probabilities are asked for. */
  constructor(index: number, echo: Echo | undefined, tokenizer: Tokenizer | undefined) {
    this.#index = index
    this.#echo = echo
    this.#logprobs = tokenizer && new LogprobTeller(tokenizer)
  }

  /** What comes before anything is generated, if anything does. */
  begin(isAll: boolean): CompletionChoice | undefined {
    if (!this.#echo) return undefined
    const { text, tokens, scores } = this.#echo
    const logprobs = (scores && this.#logprobs?.prompt(tokens, scores, text)) ?? null
    return { index: this.#index, text, logprobs, finish_reason: isAll ? 'length' : null }
  }

  /** What an event adds, if anything. */
  piece(event: GenerationEvent): CompletionChoice | undefined {
    if (event.type === 'stream-end') return this.#choice('', [], event.finishReason)
    const { logprobs = [] } = event
    if (event.type === 'text-delta') return this.#choice(event.text, logprobs)
    this.#untold.push(...logprobs)
    return undefined
  }

  whole({ text, logprobs = [], finishReason }: GenerationResult): CompletionChoice {
    const begin = this.begin(false)
    const rest = this.#choice(text, logprobs, finishReason)
    if (!begin) return rest
    const both = begin.logprobs && rest.logprobs && joinLogprobs(begin.logprobs, rest.logprobs)
    return { ...rest, text: begin.text + text, logprobs: both }
  }

  #choice(text: string, scores: readonly TokenLogprob[], reason?: FinishReason): CompletionChoice {
    const told = [...this.#untold, ...scores]
    this.#untold = []
    return {
      index: this.#index,
      text,
      logprobs: this.#logprobs?.generated(told) ?? null,
      finish_reason: reason === undefined ? null : reason === 'length' ? 'length' : 'stop',
    }
  }
}
