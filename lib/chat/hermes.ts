import { partialTag, type ReplyContent } from './reply-content.js'
import { BracketScan, type ParsedToolCall, skipBlanks, toCall } from './tool-call-json.js'

const open = '<tool_call>'
const close = '</tool_call>'

/**
 * Qwen's format: `<tool_call>{"name": ..., "arguments": {...}}</tool_call>`, any number of them within text. A block that is no call
 * stays text, up to the next one.
 */
export class HermesFormat {
  readonly #reply: ReplyContent
  /** The end of the text that may become a tag. */
  #partial = ''
  #block: Block | undefined

  constructor(reply: ReplyContent) {
    this.#reply = reply
  }

  push(text: string): void {
    for (let rest = text; rest !== ''; )
      rest = this.#block ? this.#readBlock(this.#block, rest) : this.#readText(rest)
  }

  end(): void {
    while (this.#block !== undefined) this.push(this.#settle(this.#block.end()))
    this.#reply.text(this.#partial)
  }

  /** Up to the next tag; gives what follows it. */
  #readText(piece: string): string {
    const text = this.#partial + piece
    const at = text.indexOf(open)
    const decided = at >= 0 ? at : text.length - partialTag(text, open)
    this.#reply.text(text.slice(0, decided))
    this.#partial = at >= 0 ? '' : text.slice(decided)
    if (at < 0) return ''
    this.#block = new Block()
    return text.slice(at + open.length)
  }

  #readBlock(block: Block, piece: string): string {
    const outcome = block.read(piece)
    return outcome === undefined ? '' : this.#settle(outcome)
  }

  #settle({ call, isMalformed, rest }: BlockOutcome): string {
    this.#block = undefined
    if (isMalformed) this.#reply.malformed++
    if (call !== undefined) this.#reply.call(call)
    else this.#reply.text(open)
    return rest
  }
}

/** What stands behind a tag turned out to be: a call, no call, or no block but an ordinary mention of the tag. */
interface BlockOutcome {
  call?: ParsedToolCall | undefined
  isMalformed: boolean
  /** What is to be read after that. */
  rest: string
}

/** What stands behind a `<tool_call>`, while it comes. Each character is looked at once. */
class Block {
  /** All that came. It only grows by concatenation until the block is decided, since to look into it costs its length. */
  #text = ''
  readonly #scan = new BracketScan()
  /** Where the object begins and ends, and what follows it but white space. */
  #start: number | undefined
  #end: number | undefined
  #next = 0
  /** The beginning of what follows: what may become one of the two tags. */
  #following = ''

  /** Undefined while it takes more text to decide. */
  read(piece: string): BlockOutcome | undefined {
    const before = this.#text.length
    this.#text += piece
    let at = 0
    if (this.#start === undefined) {
      at = skipBlanks(piece, 0)
      if (at === piece.length) return undefined
      if (piece[at] !== '{') return this.#mention()
      this.#start = before + at
    }
    if (this.#end === undefined) {
      const end = this.#scan.advance(piece, at)
      if (end === undefined) return undefined
      if (end < 0) return this.#malformed()
      this.#end = before + end
      at = end
    }
    if (this.#following === '') {
      at = skipBlanks(piece, at)
      this.#next = before + at
    }
    this.#following += piece.slice(at, at + close.length - this.#following.length)
    if (this.#following === close) return this.#call(this.#next + close.length)
    if (this.#following.startsWith(open)) return this.#call(this.#next)
    const isUndecided = close.startsWith(this.#following) || open.startsWith(this.#following)
    return isUndecided ? undefined : this.#malformed()
  }

  /** Nothing more comes. A call needs no closing tag then. */
  end(): BlockOutcome {
    if (this.#start === undefined) return this.#mention()
    return this.#end !== undefined && this.#following === ''
      ? this.#call(this.#text.length)
      : this.#malformed()
  }

  #call(restFrom: number): BlockOutcome {
    const call = toCall(this.#text.slice(this.#start, this.#end))
    return call === undefined
      ? this.#malformed()
      : { call, isMalformed: false, rest: this.#text.slice(restFrom) }
  }

  #malformed(): BlockOutcome {
    return { isMalformed: true, rest: this.#text }
  }

  #mention(): BlockOutcome {
    return { isMalformed: false, rest: this.#text }
  }
}
