import type { ChatMessage } from './messages.js'

/** A conversation cut into its turns: a user's message with the replies and tools' answers after it. */
export class Turns {
  readonly #messages: readonly ChatMessage[]
  /** The turn of each message; -1: a system message, which belongs to none. */
  readonly #turns: number[] = []
  readonly count: number

  constructor(messages: readonly ChatMessage[]) {
    this.#messages = messages
    let turn = 0
    let isBegun = false // what comes before the first user's message is a turn too
    for (const { role } of messages) {
      if (role === 'user' && isBegun) turn++
      if (role !== 'system') isBegun = true
      this.#turns.push(role === 'system' ? -1 : turn)
    }
    this.count = isBegun ? turn + 1 : 0
  }

  /** The conversation without its `dropped` oldest turns. */
  without(dropped: number): ChatMessage[] {
    return this.#messages.filter((_, i) => this.#turns[i] === -1 || (this.#turns[i] as number) >= dropped)
  }
}
