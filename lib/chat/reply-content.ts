import { blanksBefore, type ParsedToolCall, skipBlanks } from './tool-call-json.js'

/**
 * What a model's output turns out to be, piece by piece. The `text-delta`s joined are the content.
 *
 * @example
 * ```ts
 * const show = (event: ToolCallEvent) => (event.type === 'text-delta' ? event.text : `${event.name}(${event.arguments})`)
 * ```
 */
export type ToolCallEvent = { type: 'text-delta'; text: string } | ({ type: 'tool-call' } & ParsedToolCall)

/**
 * The text and the calls of an output in their order. White space next to a call is dropped on both sides and the pieces of text that
 * remain are joined by a newline; so white space waits until it is known what follows it.
 */
export class ReplyContent {
  readonly calls: ParsedToolCall[] = []
  malformed = 0
  #events: ToolCallEvent[] = []
  #content = ''
  #waiting = ''
  #afterCall = false

  get content(): string | null {
    return this.#content === '' ? null : this.#content
  }

  text(piece: string): void {
    const text = this.#afterCall ? piece.slice(skipBlanks(piece, 0)) : piece
    const solid = blanksBefore(text, text.length)
    if (solid > 0) {
      const joint = this.#afterCall && this.#content !== '' ? '\n' : ''
      this.#emit(joint + this.#waiting + text.slice(0, solid))
      this.#waiting = ''
      this.#afterCall = false
    }
    this.#waiting += text.slice(solid)
  }

  call(call: ParsedToolCall): void {
    this.#waiting = ''
    this.#afterCall = true
    this.calls.push(call)
    this.#events.push({ type: 'tool-call', ...call })
  }

  /** Nothing more comes: white space at the very end belongs to the text. */
  end(): void {
    if (this.#waiting !== '') this.#emit(this.#waiting)
    this.#waiting = ''
  }

  /** The events since the last time. */
  takeEvents(): ToolCallEvent[] {
    const events = this.#events
    this.#events = []
    return events
  }

  #emit(text: string): void {
    this.#content += text
    this.#events.push({ type: 'text-delta', text })
  }
}

/** How many characters at the end of a text may be the beginning of a tag. */
export function partialTag(text: string, tag: string): number {
  for (let length = Math.min(text.length, tag.length - 1); length > 0; length--) {
    if (text.endsWith(tag.slice(0, length))) return length
  }
  return 0
}
