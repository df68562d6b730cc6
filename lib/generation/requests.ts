import type { NativeAnswer, NativeLogprobs, NativeRows } from '../native/binding.js'

/** What takes the rows of one request. It must not throw: the rows of others follow in the same call. */
export interface RequestSink {
  /** A token that was generated, and where its log-probabilities are, if any are wanted. */
  token(id: number, text: string, logprobs: NativeLogprobs | undefined, row: number): void
  /** After an answer that is not of the kind 'begin', nothing comes any more. */
  answer(answer: NativeAnswer): void
}

/**
 * The requests that run, by number. It refers to no model, and the addon's callback refers to nothing else: so a model that nobody holds
 * and that has no running request can be collected.
 */
export class Requests {
  readonly #sinks = new Map<number, RequestSink>()

  add(request: number, sink: RequestSink): void {
    this.#sinks.set(request, sink)
  }

  /** Hands rows to their requests; those that end are forgotten. */
  deliver(...[columns, count, text, logprobs, answers]: NativeRows): void {
    for (const answer of answers) {
      if (answer.kind === 'begin') this.#sinks.get(answer.request)?.answer(answer)
    }
    const column = columns.length / 3
    let begin = 0
    for (let row = 0; row < count; row++) {
      const end = columns[2 * column + row] as number
      const sink = this.#sinks.get(columns[row] as number)
      sink?.token(columns[column + row] as number, text.slice(begin, end), logprobs, row)
      begin = end
    }
    for (const answer of answers) {
      if (answer.kind === 'begin') continue
      const sink = this.#sinks.get(answer.request)
      this.#sinks.delete(answer.request)
      sink?.answer(answer)
    }
  }
}
