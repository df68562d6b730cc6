import { Lexer, type Token } from './lexer.js'
import type { Source } from './source.js'

const mostLevels = 200
const described: Record<string, string> = {
  data: 'text',
  name: 'a name',
  string: 'a text',
  number: 'a number',
  end: 'the end of the template',
}

/** The tokens of a template, one after the other. */
export class Tokens {
  readonly #tokens: readonly Token[]
  #next = 0
  #level = 0

  constructor(readonly source: Source) {
    this.#tokens = new Lexer(source).tokens()
  }

  get token(): Token {
    return this.#tokens[this.#next] as Token
  }

  take(): Token {
    const { token } = this
    if (token.type !== 'end') this.#next++
    return token
  }

  is(type: string, text?: string, ahead = 0): boolean {
    const token = this.#tokens[this.#next + ahead]
    return token?.type === type && (text === undefined || token.text === text)
  }

  skip(type: string, text?: string): boolean {
    const isThere = this.is(type, text)
    if (isThere) this.take()
    return isThere
  }

  expect(type: string, text?: string): Token {
    if (!this.is(type, text))
      this.unexpected(text === undefined ? (described[type] ?? `'${type}'`) : `'${text}'`)
    return this.take()
  }

  unexpected(expected: string): never {
    const { type, text, at } = this.token
    const isShown = type === 'name' || type === 'number' || described[type] === undefined
    this.source.refuse(at, `expected ${expected}, got ${isShown ? `'${text}'` : described[type]}`)
  }

  /** Items with commas between them, up to what closes them. */
  items<T>(close: string, item: () => T): T[] {
    const items: T[] = []
    while (!this.skip(close)) {
      if (items.length > 0) {
        this.expect(',')
        if (this.skip(close)) break
      }
      items.push(item())
    }
    return items
  }

  /** Whether brackets that just closed have a comma before their end. */
  get hasTrailingComma(): boolean {
    return this.#tokens[this.#next - 2]?.type === ','
  }

  /** One level of nesting deeper. */
  deeper<T>(parse: () => T): T {
    if (++this.#level > mostLevels)
      this.source.refuse(this.token.at, `nested deeper than ${mostLevels} levels`)
    const result = parse()
    this.#level--
    return result
  }
}
