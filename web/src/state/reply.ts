import type { ChatPiece } from '../api/chat-stream.ts'
import type { AssistantMessage } from '../conversation/types.ts'

/**
 * Seconds below which a speed says nothing: of pieces counted while they come, which they do in bunches, and of a whole
 * answer whose tokens the server has counted (a small model says two hundred in less than a tenth of a second).
 */
const shortest = { writing: 0.2, whole: 0.02 }

/** A reply as it is being written: pieces are taken in as they come, whoever shows it looks when it is time to draw. */
export class Reply {
  readonly #message: AssistantMessage
  readonly #now: () => number
  #text: string
  #reasoning = ''
  readonly #calls: AssistantMessage['calls'] = []
  #finish: AssistantMessage['end'] = 'stop'
  #usage: AssistantMessage['usage']
  #pieces = 0
  #first = 0
  #last = 0

  constructor(message: AssistantMessage, now: () => number = () => performance.now()) {
    this.#message = message
    this.#now = now
    this.#text = message.content
  }

  take({ text, reasoning, calls, finishReason, usage }: ChatPiece): void {
    if (text !== '' || reasoning !== '' || calls.length > 0) {
      this.#pieces++
      this.#last = this.#now()
      this.#first ||= this.#last
    }
    this.#text += text
    this.#reasoning += reasoning
    for (const { index, id, function: called } of calls) {
      this.#calls[index] ??= { id: id ?? `call_${index}`, name: '', arguments: '' }
      const call = this.#calls[index]
      call.name += called?.name ?? ''
      call.arguments += called?.arguments ?? ''
    }
    if (finishReason === 'length' || finishReason === 'tool_calls') this.#finish = finishReason
    if (usage) this.#usage = usage
  }

  /** How many pieces it has: it has changed where this has. */
  get pieces(): number {
    return this.#pieces
  }

  /** What it is so far. */
  get message(): AssistantMessage {
    const speed = this.#tokensPerSecond()
    return {
      ...this.#message,
      content: this.#text,
      reasoning: this.#reasoning,
      calls: this.#calls.filter(Boolean).map((call) => ({ ...call })),
      ...(this.#usage && { usage: this.#usage }),
      ...(speed !== undefined && { tokensPerSecond: speed }),
    }
  }

  /** What it was when it ended. */
  ended(end?: AssistantMessage['end'], error?: string): AssistantMessage {
    return { ...this.message, end: end ?? this.#finish, ...(error !== undefined && { error }) }
  }

  /** Between the first piece and the last: of the server's count where it is told, else a piece counts as a token. */
  #tokensPerSecond(): number | undefined {
    const tokens = (this.#usage?.completionTokens ?? this.#pieces) - 1
    const seconds = (this.#last - this.#first) / 1000
    const enough = this.#usage ? shortest.whole : shortest.writing
    return tokens > 0 && seconds >= enough ? tokens / seconds : undefined
  }
}
