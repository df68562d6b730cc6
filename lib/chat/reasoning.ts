import { partialTag } from './reply-content.js'

export type ReasoningEvent = { type: 'reasoning-delta'; text: string } | { type: 'text-delta'; text: string }

const open = '<think>'
const close = '</think>'

/**
 * Separates what a model thinks, `<think>...</think>` at the beginning of its output, from what it says. As the templates of such models
 * read it back, line breaks next to the tags belong to neither.
 */
export class ReasoningParser {
  #state: 'undecided' | 'reasoning' | 'content'
  /** Not decided yet: what may become a tag, and line breaks that may stand before one. */
  #rest = ''
  /** Line breaks that follow a tag are dropped. */
  #isAfterTag: boolean

  /** @param isOpen The prompt ends within `<think>`. */
  constructor(isOpen: boolean) {
    this.#state = isOpen ? 'reasoning' : 'undecided'
    this.#isAfterTag = isOpen
  }

  push(text: string): ReasoningEvent[] {
    this.#rest += text
    return this.#advance(false)
  }

  end(): ReasoningEvent[] {
    return this.#advance(true)
  }

  #advance(isEnd: boolean): ReasoningEvent[] {
    const events: ReasoningEvent[] = []
    if (this.#state === 'undecided') this.#decide(isEnd)
    if (this.#state === 'reasoning') {
      const at = this.#rest.indexOf(close)
      const solid = isEnd && at < 0 ? this.#rest.length : this.#solidLength(at)
      const text = this.#take(solid)
      if (text !== '') events.push({ type: 'reasoning-delta', text })
      if (at >= 0) {
        this.#rest = this.#rest.slice(this.#rest.indexOf(close) + close.length)
        this.#state = 'content'
        this.#isAfterTag = true
      }
    }
    if (this.#state === 'content') {
      const text = this.#take(this.#rest.length)
      if (text !== '') events.push({ type: 'text-delta', text })
    }
    return events
  }

  /** Does the output begin with the tag, perhaps behind white space? */
  #decide(isEnd: boolean): void {
    const start = this.#rest.search(/\S/)
    const beginning = start < 0 ? '' : this.#rest.slice(start, start + open.length)
    if (beginning === open) {
      this.#state = 'reasoning'
      this.#isAfterTag = true
      this.#rest = this.#rest.slice(start + open.length)
    } else if (isEnd || !open.startsWith(beginning)) this.#state = 'content'
  }

  /** How much of the rest is reasoning for sure, when the closing tag stands at `at` (-1: not there). */
  #solidLength(at: number): number {
    let end = at >= 0 ? at : this.#rest.length - partialTag(this.#rest, close)
    while (this.#rest[end - 1] === '\n') end--
    return end
  }

  #take(length: number): string {
    let text = this.#rest.slice(0, length)
    this.#rest = this.#rest.slice(length)
    if (this.#isAfterTag) text = text.replace(/^\n+/, '')
    if (text !== '') this.#isAfterTag = false
    return text
  }
}
