import { partialTag, type ReplyContent } from './reply-content.js'
import { BracketScan, skipBlanks, toCall } from './tool-call-json.js'

const open = '<tool_call>'
const close = '</tool_call>'

/**
 * Qwen's format: `<tool_call>{"name": ..., "arguments": {...}}</tool_call>`, any number of them within text. A block that is no call
 * stays text, up to where it closes or the next one opens.
 */
export class HermesFormat {
  readonly #reply: ReplyContent
  /** What is not decided yet: a block from its tag on, or what may become a tag. */
  #rest = ''
  #scan: BracketScan | undefined
  /** In a malformed block: where to look for its end. */
  #malformedFrom: number | undefined

  constructor(reply: ReplyContent) {
    this.#reply = reply
  }

  push(text: string): void {
    this.#rest += text
    while (this.#rest !== '' && this.#step(false));
  }

  end(): void {
    while (this.#rest !== '' && this.#step(true));
  }

  /** Decides about the beginning of the rest; false while that takes more text. */
  #step(isEnd: boolean): boolean {
    if (this.#malformedFrom !== undefined) return this.#leaveMalformed(this.#malformedFrom, isEnd)
    const at = this.#rest.indexOf(open)
    if (at === 0) return this.#block(isEnd)
    const decided = at > 0 ? at : this.#rest.length - (isEnd ? 0 : partialTag(this.#rest, open))
    this.#text(decided)
    return at > 0
  }

  #block(isEnd: boolean): boolean {
    const rest = this.#rest
    const brace = skipBlanks(rest, open.length)
    if (brace === rest.length && !isEnd) return false
    if (rest[brace] !== '{') return this.#text(open.length) // an ordinary mention
    this.#scan ??= new BracketScan(brace)
    const end = this.#scan.advance(rest)
    if (end === undefined && !isEnd) return false
    if (end !== undefined) {
      const next = skipBlanks(rest, end)
      const following = rest.slice(next, next + close.length)
      const isClosed = following === close
      const isEnded = isClosed || following === '' || following.startsWith(open)
      if (!isEnd && !isClosed && (close.startsWith(following) || open.startsWith(following))) {
        if (following !== open) return false
      }
      const call = isEnded ? toCall(rest.slice(brace, end)) : undefined
      if (call !== undefined) {
        this.#scan = undefined
        this.#rest = rest.slice(isClosed ? next + close.length : next)
        this.#reply.call(call)
        return true
      }
    }
    this.#scan = undefined
    this.#reply.malformed++
    this.#malformedFrom = open.length
    return true
  }

  #leaveMalformed(from: number, isEnd: boolean): boolean {
    const rest = this.#rest
    const closeAt = rest.indexOf(close, from)
    const openAt = rest.indexOf(open, from)
    if (closeAt < 0 && openAt < 0 && !isEnd) {
      this.#malformedFrom = Math.max(from, rest.length - close.length + 1)
      return false
    }
    this.#malformedFrom = undefined
    if (closeAt >= 0 && (openAt < 0 || closeAt < openAt)) return this.#text(closeAt + close.length)
    return this.#text(openAt >= 0 ? openAt : rest.length)
  }

  #text(length: number): true {
    this.#reply.text(this.#rest.slice(0, length))
    this.#rest = this.#rest.slice(length)
    return true
  }
}
