import type { Token } from './lexer.js'
import { Names } from './names.js'
import type { Arguments, Escape, Expression, FilterNode } from './nodes.js'
import type { Source } from './source.js'
import { TokenStream } from './token-stream.js'

type Operators = readonly string[]

const constants: Record<string, boolean | null> = {
  ...{ true: true, True: true, false: false, False: false, none: null, None: null },
}
const noArguments: Arguments = { positional: [], named: [], spread: undefined, spreadNamed: undefined }
/** What filters and tests there are. */
export interface Known {
  filters: { has(name: string): boolean }
  tests: { has(name: string): boolean }
}

/** Parses expressions, from those that bind least to those that bind most. */
export class ExpressionParser extends TokenStream {
  protected readonly names = new Names()
  protected escapes: Escape = false
  readonly #unknown: { at: number; message: string }[] = []

  constructor(
    source: Source,
    tokens: readonly Token[],
    readonly known: Known,
  ) {
    super(source, tokens)
  }

  /** Refuses filters and tests that nobody knows. Where an `if` decides whether they run, it is an error only then. */
  protected refuseUnknown(): void {
    const [first] = this.#unknown
    if (first !== undefined) this.source.refuse(first.at, first.message)
  }

  expression(): Expression {
    return this.deeper(() => {
      const unknown = this.#unknown.length
      let value = this.#or()
      while (this.is('name', 'if')) {
        const { at } = this.take()
        const test = this.#or()
        const otherwise = this.skip('name', 'else') ? this.expression() : undefined
        value = { kind: 'if', at, test, value, otherwise }
        this.#unknown.length = unknown
      }
      return value
    })
  }

  /** Several expressions with commas between them are a tuple. */
  tuple(
    isEnd: () => boolean,
    item: () => Expression = () => this.expression(),
    mayBeEmpty = false,
  ): Expression {
    const { at } = this.token
    const items: Expression[] = []
    let isTuple = false
    while (!this.is('variable_end') && !this.is('block_end') && !this.is('operator', ')') && !isEnd()) {
      items.push(item())
      if (!this.skip('operator', ',')) break
      isTuple = true
    }
    if (!isTuple && items.length === 1) return items[0] as Expression
    if (items.length === 0 && !mayBeEmpty) this.unexpected('an expression')
    return { kind: 'tuple', at, items }
  }

  /** An expression, or a tuple, in which `if` is no operator. */
  protected condition(isEnd = () => false): Expression {
    return this.tuple(isEnd, () => this.#or())
  }

  #or(): Expression {
    let left = this.#and()
    while (this.is('name', 'or')) left = { at: this.take().at, kind: 'or', left, right: this.#and() }
    return left
  }

  #and(): Expression {
    let left = this.#not()
    while (this.is('name', 'and')) left = { at: this.take().at, kind: 'and', left, right: this.#not() }
    return left
  }

  #not(): Expression {
    if (!this.is('name', 'not')) return this.#compare()
    const { at } = this.take()
    return this.deeper(() => ({ at, kind: 'not', operand: this.#not() }))
  }

  #compare(): Expression {
    const first = this.#sum()
    const { at } = this.token
    const rest: { operator: string; operand: Expression }[] = []
    for (;;) {
      let operator = this.token.text
      if (this.is('name', 'not') && this.is('name', 'in', 1)) {
        this.take()
        operator = 'not in'
      } else if (!this.is('name', 'in') && !this.#isOperator(['==', '!=', '<', '<=', '>', '>='])) break
      this.take()
      rest.push({ operator, operand: this.#sum() })
    }
    return rest.length === 0 ? first : { kind: 'compare', at, first, rest }
  }

  #isOperator(operators: Operators): boolean {
    return this.token.type === 'operator' && operators.includes(this.token.text)
  }

  #leftToRight(operators: Operators, operand: () => Expression): Expression {
    let left = operand()
    while (this.#isOperator(operators)) {
      const { text: operator, at } = this.take()
      left = { kind: 'binary', at, operator, left, right: operand() }
    }
    return left
  }

  #sum(): Expression {
    return this.#leftToRight(['+', '-'], () => this.#concat())
  }

  #concat(): Expression {
    const { at } = this.token
    const items = [this.#product()]
    while (this.skip('operator', '~')) items.push(this.#product())
    return items.length === 1
      ? (items[0] as Expression)
      : { kind: 'concat', at, items, escapes: this.escapes }
  }

  #product(): Expression {
    return this.#leftToRight(['*', '/', '//', '%'], () => this.#power())
  }

  #power(): Expression {
    return this.#leftToRight(['**'], () => this.#unary())
  }

  #unary(withFilters = true): Expression {
    const { text, at } = this.token
    let value: Expression
    if (this.#isOperator(['-', '+'])) {
      this.take()
      const kind = text === '-' ? 'negative' : 'positive'
      value = this.deeper(() => ({ kind, at, operand: this.#unary(false) }))
    } else value = this.primary()
    value = this.#postfix(value)
    return withFilters ? this.#filtersAndTests(value) : value
  }

  protected primary(): Expression {
    const token = this.take()
    const { at, text } = token
    switch (token.type) {
      case 'name':
        if (Object.hasOwn(constants, text))
          return { kind: 'constant', at, value: constants[text] as boolean | null }
        this.names.read(text)
        return { kind: 'name', at, name: text }
      case 'string': {
        const pieces = [text]
        while (this.is('string')) pieces.push(this.take().text)
        return { kind: 'constant', at, value: pieces.join('') }
      }
      case 'number':
        return { kind: 'constant', at, value: token.value as bigint | number }
      case 'operator':
        if (text === '[') return { kind: 'list', at, items: this.#items(']', () => this.expression()) }
        if (text === '{') return { kind: 'dict', at, pairs: this.#items('}', () => this.#pair()) }
        if (text === '(') {
          const value = this.deeper(() => this.tuple(() => false, undefined, true))
          this.expect('operator', ')')
          return value
        }
    }
    this.putBack(token)
    return this.unexpected('an expression')
  }

  /** Items with commas between them, up to the closing bracket. */
  #items<T>(close: string, item: () => T): T[] {
    const items: T[] = []
    while (!this.skip('operator', close)) {
      if (items.length > 0) {
        this.expect('operator', ',')
        if (this.skip('operator', close)) break
      }
      items.push(item())
    }
    return items
  }

  #pair(): [Expression, Expression] {
    const key = this.expression()
    this.expect('operator', ':')
    return [key, this.expression()]
  }

  #postfix(operand: Expression): Expression {
    let value = operand
    for (;;) {
      const { at } = this.token
      if (this.skip('operator', '.')) {
        if (this.is('name')) value = { kind: 'attribute', at, object: value, name: this.take().text }
        else {
          const index = this.expect('number')
          if (typeof index.value !== 'bigint') this.source.refuse(index.at, 'expected a name or an integer')
          value = {
            kind: 'item',
            at,
            object: value,
            key: { kind: 'constant', at: index.at, value: index.value },
          }
        }
      } else if (this.skip('operator', '[')) value = this.deeper(() => this.#subscript(value, at))
      else if (this.is('operator', '(')) value = { kind: 'call', at, callee: value, args: this.args() }
      else return value
    }
  }

  #subscript(object: Expression, at: number): Expression {
    const keyAt = this.token.at
    const keys: Expression[] = []
    while (!this.skip('operator', ']')) {
      if (keys.length > 0) this.expect('operator', ',')
      const first = this.is('operator', ':') ? undefined : this.expression()
      if (!this.is('operator', ':')) keys.push(first as Expression)
      else {
        const bounds = [first]
        while (bounds.length < 3 && this.skip('operator', ':')) {
          bounds.push(this.is('operator', ':') || this.is('operator', ']') ? undefined : this.expression())
        }
        this.expect('operator', ']')
        if (keys.length > 0) this.source.refuse(keyAt, 'a slice stands alone in its brackets')
        return { kind: 'slice', at, object, bounds }
      }
    }
    const key: Expression =
      keys.length === 1 ? (keys[0] as Expression) : { kind: 'tuple', at: keyAt, items: keys }
    return { kind: 'item', at, object, key }
  }

  protected args(): Arguments {
    const { at } = this.expect('operator', '(')
    return this.deeper(() => {
      const positional: Expression[] = []
      const named = new Map<string, Expression>()
      let spread: Expression | undefined
      let spreadNamed: Expression | undefined
      const ensure = (isInOrder: boolean) => {
        if (!isInOrder)
          this.source.refuse(at, 'expected plain arguments, then named ones, then *items and **mapping')
      }
      this.#items(')', () => {
        if (this.skip('operator', '*')) {
          ensure(spread === undefined && spreadNamed === undefined)
          spread = this.expression()
        } else if (this.skip('operator', '**')) {
          ensure(spreadNamed === undefined)
          spreadNamed = this.expression()
        } else if (this.is('name') && this.is('operator', '=', 1)) {
          ensure(spreadNamed === undefined)
          const { text } = this.take()
          this.take()
          if (named.has(text)) this.source.refuse(at, `the argument '${text}' is given twice`)
          named.set(text, this.expression())
        } else {
          ensure(spread === undefined && spreadNamed === undefined && named.size === 0)
          positional.push(this.expression())
        }
      })
      return { positional, named: [...named], spread, spreadNamed }
    })
  }

  #filtersAndTests(operand: Expression): Expression {
    let value = operand
    for (;;) {
      const { at } = this.token
      if (this.skip('operator', '|')) value = this.filter(value)
      else if (this.skip('name', 'is')) value = this.#test(value, at)
      else if (this.is('operator', '(')) value = { kind: 'call', at, callee: value, args: this.args() }
      else return value
    }
  }

  /** A filter after its bar; without an operand where it takes the text of a block. */
  protected filter(operand: Expression | undefined): FilterNode {
    const { at } = this.token
    const name = this.#dottedName()
    if (!this.known.filters.has(name)) this.#isUnknown(at, `there is no filter '${name}'`)
    return { kind: 'filter', at, operand, name, args: this.is('operator', '(') ? this.args() : noArguments }
  }

  #test(operand: Expression, at: number): Expression {
    const isNegated = this.skip('name', 'not')
    const nameAt = this.token.at
    const name = this.#dottedName()
    if (!this.known.tests.has(name)) this.#isUnknown(nameAt, `there is no test '${name}'`)
    let args = noArguments
    if (this.is('operator', '(')) args = this.args()
    else if (this.#beginsArgument()) {
      if (this.is('name', 'is')) this.source.refuse(this.token.at, "tests cannot be chained with 'is'")
      args = { ...noArguments, positional: [this.#postfix(this.primary())] }
    }
    const test: Expression = { kind: 'test', at, operand, name, args }
    return isNegated ? { kind: 'not', at, operand: test } : test
  }

  #beginsArgument(): boolean {
    const { type, text } = this.token
    if (type === 'name') return !['else', 'or', 'and'].includes(text)
    return type === 'string' || type === 'number' || this.#isOperator(['[', '{'])
  }

  #dottedName(): string {
    let name = this.expect('name').text
    while (this.skip('operator', '.')) name += `.${this.expect('name').text}`
    return name
  }

  #isUnknown(at: number, message: string): void {
    if (!this.names.isBranch) this.#unknown.push({ at, message })
  }
}
