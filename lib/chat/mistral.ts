import { partialTag, type ReplyContent } from './reply-content.js'
import { bracketedText, itemTexts, type ParsedToolCall, skipBlanks, toCall } from './tool-call-json.js'

const tag = '[TOOL_CALLS]'

/** Mistral's format: text, then `[TOOL_CALLS]` and an array of calls to the end. Anything else makes the whole output text. */
export class MistralFormat {
  readonly #reply: ReplyContent
  /** What may become a tag; from the tag on, all that follows. */
  #rest = ''
  #isTagged = false

  constructor(reply: ReplyContent) {
    this.#reply = reply
  }

  push(text: string): void {
    this.#rest += text
    if (this.#isTagged) return
    const at = this.#rest.indexOf(tag)
    const decided = at >= 0 ? at : this.#rest.length - partialTag(this.#rest, tag)
    this.#isTagged = at >= 0
    this.#reply.text(this.#rest.slice(0, decided))
    this.#rest = this.#rest.slice(decided)
  }

  end(): void {
    const calls = this.#isTagged ? callsAfterTag(this.#rest) : undefined
    if (calls === undefined) {
      if (this.#isTagged) this.#reply.malformed++
      this.#reply.text(this.#rest)
    } else for (const call of calls) this.#reply.call(call)
  }
}

function callsAfterTag(text: string): ParsedToolCall[] | undefined {
  const start = skipBlanks(text, tag.length)
  const list = text[start] === '[' ? bracketedText(text, start) : undefined
  if (list === undefined || skipBlanks(text, start + list.length) !== text.length) return undefined
  const calls = itemTexts(list)?.map((item) => toCall(item))
  if (calls === undefined || calls.length === 0 || calls.includes(undefined)) return undefined
  return calls as ParsedToolCall[]
}
