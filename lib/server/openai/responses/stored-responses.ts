import type { ChatMessage } from '../../../index.js'
import type { ResponseAnswer } from './response.js'

/** A response, and the conversation that it ends, without instructions. */
export interface StoredResponse {
  response: ResponseAnswer
  conversation: readonly ChatMessage[]
}

const mostResponses = 10_000
const mostBytes = 64 * 1024 * 1024

/** Responses that a later request may go on with. They are kept in memory: the longest unused goes where there are too many. */
export class StoredResponses {
  readonly #stored = new Map<string, StoredResponse & { bytes: number }>() // the longest unused first
  readonly #mostResponses: number
  readonly #mostBytes: number
  #bytes = 0

  constructor(limits: { responses?: number; bytes?: number } = {}) {
    this.#mostResponses = limits.responses ?? mostResponses
    this.#mostBytes = limits.bytes ?? mostBytes
  }

  add(response: ResponseAnswer, conversation: readonly ChatMessage[]): void {
    const bytes = 2 * (JSON.stringify(response).length + JSON.stringify(conversation).length)
    this.#stored.set(response.id, { response, conversation, bytes })
    this.#bytes += bytes
    for (const id of this.#stored.keys()) {
      if (this.#stored.size <= this.#mostResponses && this.#bytes <= this.#mostBytes) return
      this.delete(id)
    }
  }

  /** It is then the one that was used last. */
  get(id: string): StoredResponse | undefined {
    const found = this.#stored.get(id)
    if (found === undefined) return undefined
    this.#stored.delete(id)
    this.#stored.set(id, found)
    return found
  }

  /** Whether it was there. */
  delete(id: string): boolean {
    this.#bytes -= this.#stored.get(id)?.bytes ?? 0
    return this.#stored.delete(id)
  }
}
