import { partialTag } from './reply-content.js'

export type ReasoningEvent = { type: 'reasoning-delta'; text: string } | { type: 'text-delta'; text: string }

const open = '<think>'
const close = '</think>'

/**
 * Separates what a model thinks, `<think>...</think>` at the beginning of its output, from what it says. As the templates of such models
 * read it back, line breaks next to the tags belong to neither. Each piece is looked at once, however much waits before it.
 */
export class ReasoningParser {
  #state: 'undecided' | 'reasoning' | 'content'
  /** White space at the beginning, which is dropped where a tag follows. */
  #blanks = ''
  /** What may become a tag. */
  #partial = ''
  /** Line breaks that may stand before the closing tag. */
  #newlines = 0
  /** Line breaks that follow a tag are dropped. */
  #isAfterTag: boolean

  /** @param isOpen The prompt ends within `<think>`. */
  constructor(isOpen: boolean) {
    this.#state = isOpen ? 'reasoning' : 'undecided'
    this.#isAfterTag = isOpen
  }

  push(text: string): ReasoningEvent[] {
    let rest = this.#partial + text
    this.#partial = ''
    const events: ReasoningEvent[] = []
    if (this.#state === 'undecided') rest = this.#decide(rest)
    if (this.#state === 'reasoning') rest = this.#think(rest, events)
    if (this.#state === 'content') add(events, 'text-delta', this.#withoutBreaksAfterTag(rest))
    return events
  }

  end(): ReasoningEvent[] {
    const events: ReasoningEvent[] = []
    const type = this.#state === 'reasoning' ? 'reasoning-delta' : 'text-delta'
    add(events, type, this.#blanks + '\n'.repeat(this.#newlines) + this.#partial)
    return events
  }

  /** Does the output begin with the tag, perhaps behind white space? Gives what is to be read in the state that follows. */
  #decide(text: string): string {
    const start = text.search(/\S/)
    if (start < 0) {
      this.#blanks += text
      return ''
    }
    const beginning = text.slice(start, start + open.length)
    if (beginning === open) {
      this.#state = 'reasoning'
      this.#isAfterTag = true
      this.#blanks = ''
      return text.slice(start + open.length)
    }
    this.#blanks += text.slice(0, start)
    if (open.startsWith(beginning)) {
      this.#partial = beginning
      return ''
    }
    this.#state = 'content'
    const content = this.#blanks + text.slice(start)
    this.#blanks = ''
    return content
  }

  /** Up to the closing tag; gives what follows it. */
  #think(text: string, events: ReasoningEvent[]): string {
    const at = text.indexOf(close)
    const end = at >= 0 ? at : text.length - partialTag(text, close)
    const thought = this.#withoutBreaksAfterTag(text.slice(0, end))
    let solid = thought.length
    while (thought[solid - 1] === '\n') solid--
    if (solid > 0) {
      add(events, 'reasoning-delta', '\n'.repeat(this.#newlines) + thought.slice(0, solid))
      this.#newlines = 0
    }
    this.#newlines += thought.length - solid
    if (at < 0) {
      this.#partial = text.slice(end)
      return ''
    }
    this.#state = 'content'
    this.#isAfterTag = true
    this.#newlines = 0
    return text.slice(at + close.length)
  }

  #withoutBreaksAfterTag(text: string): string {
    if (!this.#isAfterTag) return text
    const rest = text.replace(/^\n+/, '')
    this.#isAfterTag = rest === ''
    return rest
  }
}

function add(events: ReasoningEvent[], type: ReasoningEvent['type'], text: string): void {
  if (text !== '') events.push({ type, text })
}
