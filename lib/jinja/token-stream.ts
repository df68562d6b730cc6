import type { Token, TokenType } from './lexer.js'
import type { Source } from './source.js'

const mostLevels = 200
const described: Record<TokenType, string> = {
  data: 'text',
  variable_begin: "'{{'",
  variable_end: "'}}'",
  block_begin: "'{%'",
  block_end: "'%}'",
  name: 'a name',
  string: 'a text',
  number: 'a number',
  operator: 'an operator',
  end: 'the end of the template',
}

/** The tokens of a template, one after the other. */
export class TokenStream {
  #next = 0
  #level = 0

  constructor(
    protected readonly source: Source,
    readonly tokens: readonly Token[],
  ) {}

  protected get token(): Token {
    return this.tokens[this.#next] as Token
  }

  protected take(): Token {
    const token = this.token
    if (token.type !== 'end') this.#next++
    return token
  }

  protected putBack(token: Token): void {
    if (token.type !== 'end') this.#next--
  }

  protected is(type: TokenType, text?: string, ahead = 0): boolean {
    const token = this.tokens[this.#next + ahead]
    return token?.type === type && (text === undefined || token.text === text)
  }

  protected skip(type: TokenType, text?: string): boolean {
    const isThere = this.is(type, text)
    if (isThere) this.take()
    return isThere
  }

  protected expect(type: TokenType, text?: string): Token {
    return this.is(type, text)
      ? this.take()
      : this.unexpected(text === undefined ? described[type] : `'${text}'`)
  }

  protected unexpected(expected: string): never {
    const { type, text, at } = this.token
    const found = type === 'name' || type === 'number' || type === 'operator' ? `'${text}'` : described[type]
    this.source.refuse(at, `expected ${expected}, got ${found}`)
  }

  /** One level of nesting deeper. */
  protected deeper<T>(parse: () => T): T {
    if (++this.#level > mostLevels)
      this.source.refuse(this.token.at, `nested deeper than ${mostLevels} levels`)
    const result = parse()
    this.#level--
    return result
  }
}
