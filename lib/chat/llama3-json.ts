import type { ReplyContent } from './reply-content.js'
import { bracketedText, type ParsedToolCall, skipBlanks, toCall, trimBlanks } from './tool-call-json.js'

const tag = '<|python_tag|>'

/**
 * Llama 3's format: the whole output is one object `{"name": ..., "parameters": {...}}`, or several with `;` between them, perhaps after
 * `<|python_tag|>`. Behind that tag may also stand `tool.call(key="value")`, or Python code, which becomes a call of `python`. Without
 * the tag an object is a call only where it says nothing else, and names a tool that was offered: an answer in JSON may have a `name` too.
 */
export class Llama3JsonFormat {
  readonly #reply: ReplyContent
  readonly #names: ReadonlySet<string> | undefined
  #state: 'undecided' | 'call' | 'text' = 'undecided'
  /** Blanks at the beginning, and what may become a tag, until it is decided whether a call may follow. */
  #blanks = ''
  #beginning = ''
  /** The whole output while it may still be a call; looked into at the end alone. */
  #whole = ''

  /** @param toolNames The tools that were offered; absent: unknown. */
  constructor(reply: ReplyContent, toolNames?: readonly string[]) {
    this.#reply = reply
    this.#names = toolNames && new Set(toolNames)
  }

  push(text: string): void {
    if (this.#state === 'undecided') this.#decide(text)
    else if (this.#state === 'call') this.#whole += text
    else this.#reply.text(text)
  }

  end(): void {
    if (this.#state === 'undecided') this.#reply.text(this.#blanks + this.#beginning)
    if (this.#state !== 'call') return
    const calls = wholeOutput(this.#whole, (call) => this.#isPlainCall(call))
    if (calls === undefined) this.#reply.text(this.#whole)
    else for (const call of calls) this.#reply.call(call)
  }

  #decide(piece: string): void {
    const start = this.#beginning === '' ? skipBlanks(piece, 0) : 0
    this.#blanks += piece.slice(0, start)
    this.#beginning += piece.slice(start)
    const isCall = this.#beginning.startsWith('{') || this.#beginning.startsWith(tag)
    if (!isCall && tag.startsWith(this.#beginning)) return
    this.#state = isCall ? 'call' : 'text'
    this.push(this.#blanks + this.#beginning)
  }

  #isPlainCall(call: Record<string, unknown>): boolean {
    const { name, parameters: _, arguments: __, type = 'function', ...others } = call
    const isOffered = this.#names === undefined || this.#names.has(name as string)
    return isOffered && type === 'function' && Object.keys(others).length === 0
  }
}

type Accepts = (call: Record<string, unknown>) => boolean

function wholeOutput(output: string, isPlainCall: Accepts): ParsedToolCall[] | undefined {
  const text = trimBlanks(output)
  if (!text.startsWith(tag)) return objects(text, isPlainCall)
  const tagged = trimBlanks(text.slice(tag.length))
  if (tagged === '') return undefined
  const call = builtinCall(tagged) ?? { name: 'python', arguments: JSON.stringify({ code: tagged }) }
  return objects(tagged) ?? [call]
}

/** Objects with `;` between them and nothing else. */
function objects(text: string, accepts?: Accepts): ParsedToolCall[] | undefined {
  const calls: ParsedToolCall[] = []
  for (let at = 0; ; ) {
    const object = text[at] === '{' ? bracketedText(text, at) : undefined
    const call = object === undefined ? undefined : toCall(object, accepts)
    if (object === undefined || call === undefined) return undefined
    calls.push({ name: call.name, arguments: call.arguments })
    at = skipBlanks(text, at + object.length)
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
