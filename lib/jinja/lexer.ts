import { isSpace } from '../python/text.js'
import type { Source } from './source.js'

export type TokenType =
  | 'data'
  | 'variable_begin'
  | 'variable_end'
  | 'block_begin'
  | 'block_end'
  | 'name'
  | 'string'
  | 'number'
  | 'operator'
  | 'end'

export interface Token {
  readonly type: TokenType
  /** As written; of strings and data, what they mean. */
  readonly text: string
  /** Where in the source it begins. */
  readonly at: number
  /** Of numbers. */
  readonly value?: bigint | number
}

const operators = '// ** == != >= <= + - / * % ~ [ ] ( ) { } > < = . : | , ;'.split(' ')
const closing: Record<string, string> = { '(': ')', '[': ']', '{': '}' }
const name = /\p{XID_Continue}+/uy
const escapes: Record<string, string> = {
  ...{ n: '\n', t: '\t', r: '\r', a: '\x07', b: '\b', f: '\f', v: '\v' },
  ...{ '\\': '\\', "'": "'", '"': '"', '\n': '' },
}
const hexDigits: Record<string, number> = { x: 2, u: 4, U: 8 }

const isDigit = (character: string | undefined, digits = '0123456789') =>
  character !== undefined && character !== '' && digits.includes(character)

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
    while (this.#at < this.#text.length) this.#data()
    this.#push('end', '')
    return this.#tokens
  }

  /** Text up to the next tag, and the tag. */
  #data(): void {
    const start = this.#at
    let open = this.#text.indexOf('{', start)
    while (open >= 0 && !'{%#'.includes(this.#text[open + 1] ?? ' ')) open = this.#text.indexOf('{', open + 1)
    if (open < 0) {
      this.#at = this.#text.length
      this.#pushData(start, this.#text.length)
      return
    }
    const kind = this.#text[open + 1] as string
    const sign = this.#sign(open + 2)
    const end = this.#endOfData(start, open, sign, kind === '{')
    this.#pushData(start, end)
    this.#at = open + 2 + sign.length
    if (kind === '#') this.#comment(open)
    else if (kind === '%' && this.#skipWord('raw')) this.#raw(open)
    else {
      this.#tokens.push({ type: kind === '{' ? 'variable_begin' : 'block_begin', text: `{${kind}`, at: open })
      this.#tag(kind === '{' ? '}}' : '%}', open)
    }
  }

  #sign(at: number): string {
    return this.#text[at] === '-' || this.#text[at] === '+' ? (this.#text[at] as string) : ''
  }

  /** Where the text before a tag ends. */
  #endOfData(start: number, open: number, sign: string, isVariable: boolean): number {
    if (sign === '+' || (sign === '' && isVariable)) return open
    let end = open
    while (end > start && isSpace(this.#text[end - 1]) && (sign === '-' || this.#text[end - 1] !== '\n'))
      end--
    const reachesLine = end > start || start === 0 || this.#text[start - 1] === '\n'
    if (sign === '-') return end
    return reachesLine && (end === start || this.#text[end - 1] === '\n') ? end : open
  }

  #pushData(start: number, end: number): void {
    if (end > start) this.#tokens.push({ type: 'data', text: this.#text.slice(start, end), at: start })
  }

  #push(type: TokenType, text: string, value?: bigint | number): void {
    this.#tokens.push({ type, text, at: this.#at, ...(value === undefined ? {} : { value }) })
    this.#at += text.length
  }

  #skipSpaces(at = this.#at): number {
    let end = at
    while (isSpace(this.#text[end])) end++
    return end
  }

  /** Skips `raw` with the end of its tag, if it is there. */
  #skipWord(word: string): boolean {
    const start = this.#skipSpaces()
    if (!this.#text.startsWith(word, start)) return false
    const end = this.#skipSpaces(start + word.length)
    const length = this.#endOfTag(end, '%}')
    if (length === 0 || (word === 'raw' && this.#text[end] === '+')) return false
    this.#at = word === 'raw' && this.#text[end] === '%' ? end + 2 : end + length
    return true
  }

  /** The length of the end of a tag, with the white space that it takes along; 0 where there is none. */
  #endOfTag(at: number, close: string): number {
    const sign = this.#sign(at)
    if (!this.#text.startsWith(close, at + sign.length)) return 0
    const end = at + sign.length + close.length
    if (sign === '-') return this.#skipSpaces(end) - at
    if (close === '}}') return sign === '+' ? 0 : 2
    return end + (sign === '' && this.#text[end] === '\n' ? 1 : 0) - at
  }

  #comment(open: number): void {
    const end = this.#text.indexOf('#}', this.#at)
    if (end < 0 && this.#at === this.#text.length) return
    if (end < 0) this.#source.refuse(open, "this comment has no end, expected '#}'")
    const signed = end > this.#at && this.#sign(end - 1) !== '' ? end - 1 : end
    this.#at = signed + this.#endOfTag(signed, '#}')
  }

  #raw(open: number): void {
    const start = this.#at
    for (let end = this.#text.indexOf('{%', start); end >= 0; end = this.#text.indexOf('{%', end + 1)) {
      const sign = this.#sign(end + 2)
      this.#at = end + 2 + sign.length
      if (!this.#skipWord('endraw')) continue
      this.#pushData(start, this.#endOfData(start, end, sign, false))
      return
    }
    this.#at = this.#text.length
    if (start < this.#text.length)
      this.#source.refuse(open, "this raw block has no end, expected '{% endraw %}'")
  }

  /** The tokens of a tag up to its end. */
  #tag(close: string, open: number): void {
    const brackets: string[] = []
    for (;;) {
      this.#at = this.#skipSpaces()
      const character = this.#text[this.#at]
      if (character === undefined) {
        this.#source.refuse(open, `unexpected end of the template, expected '${close}' to end this tag`)
      }
      const length = brackets.length === 0 ? this.#endOfTag(this.#at, close) : 0
      if (length > 0) {
        this.#push(close === '}}' ? 'variable_end' : 'block_end', close)
        this.#at += length - close.length
        return
      }
      if (isDigit(character)) this.#number()
      else if (character === '"' || character === "'") this.#string(character)
      else if (!this.#name()) this.#operator(brackets)
    }
  }

  #name(): boolean {
    name.lastIndex = this.#at
    const text = name.exec(this.#text)?.[0]
    if (text === undefined) return false
    if (!/^[\p{XID_Start}_]/u.test(text)) this.#source.refuse(this.#at, `'${text}' is no name`)
    this.#push('name', text)
    return true
  }

  #operator(brackets: string[]): void {
    const operator = operators.find((one) => this.#text.startsWith(one, this.#at))
    if (operator === undefined) {
      const character = String.fromCodePoint(this.#text.codePointAt(this.#at) as number)
      this.#source.refuse(this.#at, `unexpected character '${character}', expected an expression`)
    }
    if (closing[operator] !== undefined) brackets.push(closing[operator])
    if (isDigit(operator, ')]}')) {
      const expected = brackets.pop()
      if (expected !== operator) {
        const what = expected === undefined ? 'nothing is open' : `expected '${expected}'`
        this.#source.refuse(this.#at, `unexpected '${operator}', ${what}`)
      }
    }
    this.#push('operator', operator)
  }

  /** The end of digits with single underscores between them. */
  #digits(at: number, digits?: string): number {
    let end = at
    while (
      isDigit(this.#text[end], digits) ||
      (this.#text[end] === '_' && isDigit(this.#text[end + 1], digits))
    )
      end++
    return end
  }

  #number(): void {
    const at = this.#at
    const written = (end: number) => this.#text.slice(at, end)
    const whole = this.#digits(at)
    let end = whole
    if (this.#text[at - 1] !== '.') {
      if (this.#text[end] === '.' && isDigit(this.#text[end + 1])) end = this.#digits(end + 1)
      const power = /[eE]/.test(this.#text[end] ?? '')
        ? end + 1 + (/[-+]/.test(this.#text[end + 1] ?? '') ? 1 : 0)
        : -1
      if (isDigit(this.#text[power])) end = this.#digits(power)
      if (end > whole) {
        this.#push('number', written(end), Number(written(end).replaceAll('_', '')))
        return
      }
    }
    const prefix = this.#text[at] === '0' ? (this.#text[at + 1] ?? '').toLowerCase() : ''
    const digits = { b: '01', o: '01234567', x: '0123456789abcdefABCDEF' }[prefix]
    end = digits === undefined ? whole : this.#digits(at + 2, digits)
    if (digits === undefined || end === at + 2) end = this.#text[at] === '0' ? this.#digits(at, '0') : whole
    if (end - at > 4300) this.#source.refuse(at, 'an integer has at most 4300 digits')
    this.#push('number', written(end), BigInt(written(end).replaceAll('_', '').toLowerCase()))
  }

  #string(quote: string): void {
    const start = this.#at
    const pieces: string[] = []
    let at = start + 1
    for (let copied = at; ; at++) {
      const character = this.#text[at]
      if (character === undefined) this.#source.refuse(start, `this text has no end, expected ${quote}`)
      if (character !== quote && character !== '\\') continue
      pieces.push(this.#text.slice(copied, at))
      if (character === quote) break
      const [meaning, length] = this.#escape(at)
      pieces.push(meaning)
      at += length - 1
      copied = at + 1
    }
    this.#tokens.push({ type: 'string', text: pieces.join(''), at: start })
    this.#at = at + 1
  }

  /** What the escape at a backslash means, and its length. */
  #escape(at: number): [meaning: string, length: number] {
    const letter = this.#text[at + 1] ?? ''
    if (escapes[letter] !== undefined) return [escapes[letter], 2]
    const length = hexDigits[letter]
    if (length !== undefined) {
      const code = this.#text.slice(at + 2, at + 2 + length)
      if (code.length === length && /^[\da-fA-F]+$/.test(code) && Number.parseInt(code, 16) < 0x110000) {
        return [String.fromCodePoint(Number.parseInt(code, 16)), 2 + length]
      }
      this.#source.refuse(at, `expected ${length} hexadecimal digits of a character after \\${letter}`)
    }
    if (letter === 'N') this.#source.refuse(at, 'names of characters (\\N{…}) are not known here')
    const octal = /^[0-7]{1,3}/.exec(this.#text.slice(at + 1, at + 4))?.[0]
    if (octal !== undefined) return [String.fromCharCode(Number.parseInt(octal, 8)), 1 + octal.length]
    return ['\\', 1]
  }
}
