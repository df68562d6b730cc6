import { unescaped } from '../python/literals.js'
import { space, strip } from '../python/text.js'
import type { Value } from '../python/values.js'
import type { Source } from './source.js'

export interface Token {
  /** 'data', 'name', 'string', 'number', 'end'; of operators and of what begins and ends a tag, what is written. */
  readonly type: string
  /** As written; of strings and data, what they mean. */
  readonly text: string
  /** Where in the source it begins. */
  readonly at: number
  /** Of strings and numbers. */
  readonly value?: Value
}

const sticky = (pattern: string) => new RegExp(pattern, 'uy')
const digits = '[0-9](?:_?[0-9])*'
// Each is read in one way only, so none of them goes back.
const spaces = sticky(`${space}*`)
const float = sticky(`(?<!\\.)${digits}(?:(?:\\.${digits})?[eE][-+]?${digits}|\\.${digits})`)
const integer = sticky(
  '0[bB](?:_?[01])+|0[oO](?:_?[0-7])+|0[xX](?:_?[0-9a-fA-F])+|[1-9](?:_?[0-9])*|0(?:_?0)*',
)
const name = /\p{XID_Continue}+/uy
const string = /'[^'\\]*(?:\\.[^'\\]*)*'|"[^"\\]*(?:\\.[^"\\]*)*"/suy
const operator = /\/\/|\*\*|[=!<>]=|[-+/*%~[\](){}<>=.:|,;]/uy
const variableEnd = sticky(`-\\}\\}${space}*|\\}\\}`)
const blockEnd = sticky(`\\+%\\}|-%\\}${space}*|%\\}\\n?`)
const commentEnd = sticky(`\\+#\\}|-#\\}${space}*|#\\}\\n?`)
const rawBegin = sticky(`${space}*raw${space}*(?:-%\\}${space}*|%\\})`)
const rawEnd = sticky(`\\{%[-+]?${space}*endraw${space}*(?:\\+%\\}|-%\\}${space}*|%\\}\\n?)`)
const closing: Record<string, string> = { '(': ')', '[': ']', '{': '}' }

/**
 * Cuts a template into tokens as Jinja does with `trim_blocks` and `lstrip_blocks`: a line end after a block or comment belongs to it, and so
 * does the white space before it on its line; `-` strips all white space, `+` none.
 */
export class Lexer {
  readonly #source: Source
  readonly #text: string
  readonly #tokens: Token[] = []
  #at = 0

  constructor(source: Source) {
    this.#source = source
    this.#text = source.text
  }

  tokens(): Token[] {
    while (this.#at < this.#text.length) this.#dataAndTag()
    this.#push('end', '')
    return this.#tokens
  }

  #push(type: string, text: string, value?: Value): void {
    this.#tokens.push(
      value === undefined ? { type, text, at: this.#at } : { type, text, at: this.#at, value },
    )
    this.#at += text.length
  }

  /** What a pattern matches right here. */
  #match(pattern: RegExp, at = this.#at): string | undefined {
    pattern.lastIndex = at
    return pattern.exec(this.#text)?.[0]
  }

  /** Goes over what a pattern matches right here, if it does. */
  #skip(pattern: RegExp): boolean {
    const matched = this.#match(pattern)
    this.#at += matched?.length ?? 0
    return matched !== undefined
  }

  #dataAndTag(): void {
    let open = this.#text.indexOf('{', this.#at)
    while (open >= 0 && !'{%#'.includes(this.#text[open + 1] ?? ' ')) open = this.#text.indexOf('{', open + 1)
    if (open < 0) {
      this.#data(this.#text.length)
      return
    }
    const begin = this.#text.slice(open, open + 2)
    this.#dataBefore(open, begin === '{{')
    if (begin === '{#') this.#comment(open)
    else if (begin === '{%' && this.#skip(rawBegin)) this.#raw(open)
    else {
      this.#tokens.push({ type: begin, text: begin, at: open })
      this.#tag(begin === '{{' ? '}}' : '%}', open)
    }
  }

  #data(end: number): void {
    if (end > this.#at) this.#push('data', this.#text.slice(this.#at, end))
  }

  /** Text up to a tag, without the white space that the tag takes along; then what the tag begins with. */
  #dataBefore(open: number, isVariable: boolean): void {
    const sign = this.#text[open + 2] ?? ''
    const text = this.#text.slice(this.#at, open)
    const line = text.lastIndexOf('\n') + 1
    const isLineStart = line > 0 || this.#at === 0 || this.#text[this.#at - 1] === '\n'
    let end = open
    if (sign === '-') end = this.#at + strip(text, 'right').length
    else if (sign !== '+' && !isVariable && isLineStart && strip(text.slice(line), 'left') === '')
      end = this.#at + line
    this.#data(end)
    this.#at = open + (sign === '-' || sign === '+' ? 3 : 2)
  }

  #comment(open: number): void {
    const end = this.#text.indexOf('#}', this.#at)
    if (end < 0 && this.#at < this.#text.length)
      this.#source.refuse(open, "this comment has no end, expected '#}'")
    if (end < 0) return
    const isSigned = end > this.#at && '-+'.includes(this.#text[end - 1] as string)
    this.#at = isSigned ? end - 1 : end
    this.#skip(commentEnd)
  }

  #raw(open: number): void {
    let end = this.#text.indexOf('{%', this.#at)
    while (end >= 0 && this.#match(rawEnd, end) === undefined) end = this.#text.indexOf('{%', end + 1)
    if (end < 0 && this.#at < this.#text.length)
      this.#source.refuse(open, "this raw block has no end, expected '{% endraw %}'")
    if (end < 0) return
    this.#dataBefore(end, false)
    this.#at = end
    this.#skip(rawEnd)
  }

  /** The tokens of a tag up to its end. */
  #tag(close: string, open: number): void {
    const end = close === '}}' ? variableEnd : blockEnd
    const brackets: string[] = []
    for (;;) {
      this.#skip(spaces)
      if (this.#at === this.#text.length)
        this.#source.refuse(open, `unexpected end of the template, expected '${close}' to end this tag`)
      const closed = brackets.length === 0 ? this.#match(end) : undefined
      if (closed !== undefined) {
        this.#tokens.push({ type: close, text: close, at: this.#at })
        this.#at += closed.length
        return
      }
      if (!this.#number() && !this.#name() && !this.#string()) this.#operator(brackets)
    }
  }

  #number(): boolean {
    const fraction = this.#match(float)
    const text = fraction ?? this.#match(integer)
    if (text === undefined) return false
    if (fraction === undefined && text.length > 4300)
      this.#source.refuse(this.#at, 'an integer has at most 4300 digits')
    const plain = text.replaceAll('_', '').toLowerCase()
    this.#push('number', text, fraction === undefined ? BigInt(plain) : Number(plain))
    return true
  }

  #name(): boolean {
    const text = this.#match(name)
    if (text === undefined) return false
    if (!/^[\p{XID_Start}_]/u.test(text)) this.#source.refuse(this.#at, `'${text}' is no name`)
    this.#push('name', text)
    return true
  }

  #string(): boolean {
    const quote = this.#text[this.#at] as string
    if (!`'"`.includes(quote)) return false
    const at = this.#at
    const written = this.#match(string)
    if (written === undefined) this.#source.refuse(at, `this text has no end, expected ${quote}`)
    const refuse = (index: number, message: string) => this.#source.refuse(at + 1 + index, message)
    const value = unescaped(written.slice(1, -1), refuse)
    this.#tokens.push({ type: 'string', text: value, at, value })
    this.#at += written.length
    return true
  }

  #operator(brackets: string[]): void {
    const text = this.#match(operator)
    if (text === undefined) {
      const character = String.fromCodePoint(this.#text.codePointAt(this.#at) as number)
      this.#source.refuse(this.#at, `unexpected character '${character}', expected an expression`)
    }
    if (closing[text] !== undefined) brackets.push(closing[text])
    if (')]}'.includes(text)) {
      const expected = brackets.pop()
      const what = expected === undefined ? 'nothing is open' : `expected '${expected}'`
      if (expected !== text) this.#source.refuse(this.#at, `unexpected '${text}', ${what}`)
    }
    this.#push(text, text)
  }
}
