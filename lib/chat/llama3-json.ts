import type { ReplyContent } from './reply-content.js'
import { BracketScan, type ParsedToolCall, skipBlanks, toCall, trimBlanks } from './tool-call-json.js'

const tag = '<|python_tag|>'

/**
 * Llama 3's format: the whole output is one object `{"name": ..., "parameters": {...}}`, or several with `;` between them, perhaps after
 * `<|python_tag|>`. Behind that tag may also stand `tool.call(key="value")`, or Python code, which becomes a call of `python`.
 */
export class Llama3JsonFormat {
  readonly #reply: ReplyContent
  /** The whole output while it may still be a call. */
  #whole = ''
  #isText = false

  constructor(reply: ReplyContent) {
    this.#reply = reply
  }

  push(text: string): void {
    if (this.#isText) {
      this.#reply.text(text)
      return
    }
    this.#whole += text
    const start = skipBlanks(this.#whole, 0)
    const beginning = this.#whole.slice(start, start + tag.length)
    if (beginning === '' || beginning[0] === '{' || tag.startsWith(beginning)) return
    this.#isText = true
    this.#reply.text(this.#whole)
  }

  end(): void {
    if (this.#isText) return
    const calls = wholeOutput(this.#whole)
    if (calls === undefined) this.#reply.text(this.#whole)
    else for (const call of calls) this.#reply.call(call)
  }
}

function wholeOutput(output: string): ParsedToolCall[] | undefined {
  const text = trimBlanks(output)
  if (!text.startsWith(tag)) return objects(text)
  const tagged = trimBlanks(text.slice(tag.length))
  if (tagged === '') return undefined
  const call = builtinCall(tagged) ?? { name: 'python', arguments: JSON.stringify({ code: tagged }) }
  return objects(tagged) ?? [call]
}

/** Objects with `;` between them and nothing else. */
function objects(text: string): ParsedToolCall[] | undefined {
  const calls: ParsedToolCall[] = []
  for (let at = 0; ; ) {
    const end = text[at] === '{' ? new BracketScan(at).advance(text) : undefined
    const call = end === undefined ? undefined : toCall(text.slice(at, end))
    if (end === undefined || call === undefined) return undefined
    calls.push({ name: call.name, arguments: call.arguments })
    at = skipBlanks(text, end)
    if (at === text.length) return calls
    if (text[at] !== ';') return undefined
    at = skipBlanks(text, at + 1)
  }
}

/** `name.call(key="value", ...)`. A quote ends a value only where the list ends or another key follows. */
function builtinCall(text: string): ParsedToolCall | undefined {
  const [, name, list] = /^([A-Za-z_][\p{L}\p{N}_]*)\.call\((.*)\)$/su.exec(text) ?? []
  if (name === undefined || list === undefined) return undefined
  const values: [string, string][] = []
  const key = /\s*([A-Za-z_][\p{L}\p{N}_]*)="/uy
  const endOfValue = /"(?:\s*$|(?=,\s*[A-Za-z_][\p{L}\p{N}_]*="))/gu
  const separator = /\s*,|\s*$/uy
  for (let at = 0; at < list.length; ) {
    key.lastIndex = at
    const [opening = '', keyName = ''] = key.exec(list) ?? []
    endOfValue.lastIndex = at + opening.length
    const closing = opening === '' ? null : endOfValue.exec(list)
    if (closing === null) return undefined
    values.push([keyName, list.slice(at + opening.length, closing.index)])
    separator.lastIndex = closing.index + 1
    at = closing.index + 1 + (separator.exec(list)?.[0].length ?? 0)
  }
  return { name, arguments: JSON.stringify(Object.fromEntries(values)) }
}
