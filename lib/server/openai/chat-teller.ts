import type { FinishReason, GenerationEvent, GenerationResult, Tokenizer, TokenLogprob } from '../../index.js'
import { outerId } from '../tool-call-ids.js'
import type { ChatChoice, ChatPiece } from './chat-answer.js'
import { chatLogprobsOf } from './chat-logprobs.js'

/** What of a reply is told. */
export interface ChatTelling {
  /** Calls at most. */
  mostCalls: number
  /** Where log-probabilities are asked for. */
  tokenizer: Tokenizer | undefined
}

/** One reply as the chat endpoint tells it: at once, or piece by piece. */
export class ChatTeller {
  readonly #index: number
  readonly #telling: ChatTelling
  #hasBegun = false
  #calls = 0
  /** Tokens that have given nothing to tell yet. */
  #untold: TokenLogprob[] = []

  constructor(index: number, telling: ChatTelling) {
    this.#index = index
    this.#telling = telling
  }

  /** What an event adds: the first one, whatever it is, that there is a reply. */
  pieces(event: GenerationEvent): ChatPiece[] {
    const pieces = this.#hasBegun ? [] : [this.#piece({ role: 'assistant', content: '' })]
    this.#hasBegun = true
    if (event.type === 'stream-end') return [...pieces, this.#piece({}, true, finishOf(event.finishReason))]
    this.#untold.push(...(event.logprobs ?? []))
    if (event.type === 'text-delta') pieces.push(this.#piece({ content: event.text }, true))
    if (event.type === 'reasoning-delta') pieces.push(this.#piece({ reasoning_content: event.text }, true))
    if (event.type === 'tool-call' && this.#calls < this.#telling.mostCalls) {
      const index = this.#calls++
      const { id, name, arguments: json } = event
      const head = { id: outerId('call_', id), type: 'function' as const, function: { name, arguments: '' } }
      pieces.push(this.#piece({ tool_calls: [{ index, ...head }] }))
      pieces.push(this.#piece({ tool_calls: [{ index, function: { arguments: json } }] }, true))
    }
    return pieces
  }

  whole({ text, reasoning, toolCalls, logprobs, finishReason }: GenerationResult): ChatChoice {
    const { mostCalls, tokenizer } = this.#telling
    const calls = toolCalls.slice(0, mostCalls).map(({ id, name, arguments: json }) => ({
      id: outerId('call_', id),
      type: 'function' as const,
      function: { name, arguments: json },
    }))
    return {
      index: this.#index,
      message: {
        role: 'assistant',
        content: text === '' && calls.length > 0 ? null : text,
        refusal: null,
        ...(reasoning !== '' && { reasoning_content: reasoning }),
        ...(calls.length > 0 && { tool_calls: calls }),
      },
      logprobs: tokenizer && logprobs ? chatLogprobsOf(logprobs, tokenizer) : null,
      finish_reason: finishOf(finishReason),
    }
  }

  /** @param tellsTokens Log-probabilities go with what their tokens became. */
  #piece(
    delta: ChatPiece['delta'],
    tellsTokens = false,
    reason: ChatPiece['finish_reason'] = null,
  ): ChatPiece {
    const { tokenizer } = this.#telling
    const told = tellsTokens ? this.#untold : []
    if (tellsTokens) this.#untold = []
    const logprobs = tokenizer && told.length > 0 ? chatLogprobsOf(told, tokenizer) : null
    return { index: this.#index, delta, logprobs, finish_reason: reason }
  }
}

function finishOf(reason: FinishReason): ChatChoice['finish_reason'] {
  if (reason === 'tool-calls') return 'tool_calls'
  return reason === 'length' ? 'length' : 'stop'
}
