import type { ChatMessage, Generation } from '../../../index.js'
import type { ApiError } from '../../api-error.js'
import type { Call } from '../../call.js'
import type { ServerSentEvent } from '../../event-stream.js'
import { requestError } from '../request-error.js'
import { messagesOf } from './conversation.js'
import { type EventData, Output } from './output.js'
import { endedResponse, failedResponse, type ResponseAnswer } from './response.js'

/** A response in the making: its events, one after the other, and the whole of it at the end. */
export class ResponseJob {
  readonly #generation: Generation
  /** The conversation that is answered, without instructions. */
  readonly #messages: readonly ChatMessage[]
  readonly #call: Call
  readonly #output = new Output()
  #response: ResponseAnswer
  #events = 0

  constructor(generation: Generation, begun: ResponseAnswer, messages: readonly ChatMessage[], call: Call) {
    this.#generation = generation
    this.#response = begun
    this.#messages = messages
    this.#call = call
  }

  async whole(): Promise<ResponseAnswer> {
    for await (const _ of this.events()) {
    }
    return this.#response
  }

  /** The first comes when something of the answer is there, so that what is wrong with the request is told before anything is. */
  async *events(): AsyncGenerator<ServerSentEvent, void, undefined> {
    try {
      for await (const event of this.#generation.events()) {
        if (this.#events === 0) {
          yield this.#numbered({ type: 'response.created', response: this.#response })
          yield this.#numbered({ type: 'response.in_progress', response: this.#response })
        }
        if (event.type !== 'stream-end') {
          for (const told of this.#output.next(event)) yield this.#numbered(told)
          continue
        }
        this.#call.completed(event)
        const isCut = event.finishReason === 'length'
        for (const told of this.#output.end(isCut ? 'incomplete' : 'completed')) yield this.#numbered(told)
        this.#response = endedResponse(this.#response, this.#output.items, isCut, event.usage)
        this.#store()
        const { status } = this.#response
        yield this.#numbered({ type: `response.${status}`, response: this.#response })
      }
    } catch (error) {
      throw requestError(error, 'input')
    }
  }

  /** The last event where something went wrong on the way. */
  failed(error: ApiError): ServerSentEvent[] {
    const response = failedResponse(this.#response, this.#output.items, error)
    return [this.#numbered({ type: 'response.failed', response })]
  }

  /** For whoever goes on with it. */
  #store(): void {
    if (!this.#response.store) return
    const conversation = messagesOf(this.#response.output, this.#messages)
    this.#call.responses.add(this.#response, conversation)
  }

  #numbered(data: EventData): ServerSentEvent {
    return { event: data.type, data: { ...data, sequence_number: this.#events++ } }
  }
}
