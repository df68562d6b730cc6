import { sliceOf } from '../python/items.js'
import { Dict, isTrue, Tuple, type Value } from '../python/values.js'
import { filters } from './filters.js'
import { type MacroNames, Names } from './names.js'
import { Arguments, Call, Computed, Constant, type Expression, Name, Operation } from './nodes.js'
import type { Escape } from './run.js'
import { tests } from './tests.js'
import { Tokens } from './tokens.js'

export const constants: Record<string, boolean | null> = {
  ...{ true: true, True: true, false: false, False: false, none: null, None: null },
}

/** What is around the place that is parsed. */
interface Surroundings {
  readonly names: Names
  /** The macros that it is in. */
  readonly macros: readonly MacroNames[]
  /** An `if` decides whether it runs: what it sets may keep its outer value. */
  readonly isBranch: boolean
  readonly escapes: Escape
  /** It is in a loop that `break` can leave. */
  readonly isInLoop: boolean
  /** It is in the body of a loop, whatever is in between. */
  readonly hasLoop: boolean
}

const outermost = { macros: [], isBranch: false, escapes: false, isInLoop: false, hasLoop: false }

/** Parses what operators stand between: values with what comes after them, up to filters and tests. */
export abstract class OperandParser extends Tokens {
  around: Surroundings = { ...outermost, names: new Names() }
  /** Filters and tests that nobody knows: refused, unless an `if` decides whether they run. Then it is an error where they do. */
  protected readonly unknown: { at: number; message: string }[] = []

  /** Parses something that has other surroundings. */
  within<T>(changed: Partial<Surroundings>, parse: () => T): T {
    const outer = this.around
    this.around = { ...outer, ...changed }
    const result = parse()
    this.around = outer
    return result
  }

  readName(name: string): void {
    this.around.names.read(name)
    for (const macro of this.around.macros) macro.read(name)
  }

  abstract expression(): Expression

  primary(): Expression {
    const { type, text, at, value } = this.token
    const isExpression = ['name', 'string', 'number', '[', '{', '('].includes(type)
    if (!isExpression) return this.unexpected('an expression')
    this.take()
    switch (type) {
      case 'name':
        if (Object.hasOwn(constants, text)) return new Constant(at, constants[text] as Value)
        this.readName(text)
        return new Name(at, text)
      case 'string': {
        const pieces = [text]
        while (this.is('string')) pieces.push(this.take().text)
        return new Constant(at, pieces.join(''))
      }
      case 'number':
        return new Constant(at, value as Value)
      case '[':
        return new Operation(
          at,
          this.items(']', () => this.expression()),
          (_run, items) => items,
        )
      case '{': {
        const pairs = this.items('}', () => this.#pair())
        return new Operation(at, pairs.flat(), (run, values) => {
          const dict = new Dict()
          for (let i = 0; i < values.length; i += 2)
            dict.set(values[i] as Value, values[i + 1] as Value, run.budget)
          return dict
        })
      }
      default: {
        const items = this.deeper(() => this.items(')', () => this.expression()))
        return this.closesTuple(items) ? tupleOf(at, items) : (items[0] as Expression)
      }
    }
  }

  /** Whether brackets that just closed are a tuple, and not just brackets. */
  closesTuple(items: readonly unknown[]): boolean {
    return items.length !== 1 || this.hasTrailingComma
  }

  #pair(): [Expression, Expression] {
    const key = this.expression()
    this.expect(':')
    return [key, this.expression()]
  }

  postfix(operand: Expression): Expression {
    let value = operand
    for (;;) {
      const { at } = this.token
      if (this.skip('.')) value = this.#attribute(value, at)
      else if (this.skip('[')) value = this.deeper(() => this.#subscript(value, at))
      else if (this.is('(')) value = new Call(at, value, this.args())
      else return value
    }
  }

  #attribute(object: Expression, at: number): Expression {
    if (this.is('name')) {
      const { text } = this.take()
      return new Operation(at, [object], (run, [value]) => run.attribute(value as Value, text))
    }
    const index = this.expect('number')
    if (typeof index.value !== 'bigint') this.source.refuse(index.at, 'expected a name or an integer')
    return item(at, object, new Constant(index.at, index.value))
  }

  #subscript(object: Expression, at: number): Expression {
    const keyAt = this.token.at
    const keys: Expression[] = []
    while (!this.skip(']')) {
      if (keys.length > 0) this.expect(',')
      const first = this.is(':') ? undefined : this.expression()
      if (this.is(':')) {
        if (keys.length > 0) this.source.refuse(keyAt, 'a slice stands alone in its brackets')
        return this.#slice(object, first, at)
      }
      keys.push(first as Expression)
    }
    return item(at, object, keys.length === 1 ? (keys[0] as Expression) : tupleOf(keyAt, keys))
  }

  #slice(object: Expression, first: Expression | undefined, at: number): Expression {
    const none = new Constant(at, null)
    const bounds = [first ?? none]
    while (bounds.length < 3 && this.skip(':')) {
      bounds.push(this.is(':') || this.is(']') ? none : this.expression())
    }
    this.expect(']')
    return new Operation(at, [object, ...bounds], (run, [value, ...places]) =>
      sliceOf(value as Value, places, run),
    )
  }

  args(): Arguments {
    const { at } = this.expect('(')
    const args = new Arguments()
    const ensure = (isInOrder: boolean) => {
      if (!isInOrder)
        this.source.refuse(at, 'expected plain arguments, then named ones, then *items and **mapping')
    }
    const argument = () => {
      ensure(args.spreadNamed === undefined)
      if (this.skip('*')) {
        ensure(args.spread === undefined)
        args.spread = this.expression()
      } else if (this.skip('**')) args.spreadNamed = this.expression()
      else if (this.is('name') && this.is('=', undefined, 1)) {
        const { text } = this.take()
        this.take()
        if (args.named.has(text)) this.source.refuse(at, `the argument '${text}' is given twice`)
        args.named.set(text, this.expression())
      } else {
        ensure(args.spread === undefined && args.named.size === 0)
        args.positional.push(this.expression())
      }
    }
    this.deeper(() => this.items(')', argument))
    return args
  }

  filtersAndTests(operand: Expression): Expression {
    let value = operand
    for (;;) {
      const { at } = this.token
      if (this.skip('|')) value = this.filter(value)
      else if (this.skip('name', 'is')) value = this.#test(value, at)
      else if (this.is('(')) value = new Call(at, value, this.args())
      else return value
    }
  }

  /** A filter after its bar. */
  filter(operand: Expression): Expression {
    const { at } = this.token
    const name = this.#dottedName('filter', filters)
    const args = this.is('(') ? this.args() : new Arguments()
    return new Computed(at, (run, scope) => {
      const values = args.evaluate(run, scope, operand.evaluate(run, scope))
      run.at = at
      return run.filter(name, values)
    })
  }

  #test(operand: Expression, at: number): Expression {
    const isNegated = this.skip('name', 'not')
    const name = this.#dottedName('test', tests)
    let args = new Arguments()
    if (this.is('(')) args = this.args()
    else if (this.#beginsArgument()) {
      if (this.is('name', 'is')) this.source.refuse(this.token.at, "tests cannot be chained with 'is'")
      args.positional.push(this.postfix(this.primary()))
    }
    const test = new Computed(at, (run, scope) => {
      const values = args.evaluate(run, scope, operand.evaluate(run, scope))
      run.at = at
      return run.test(name, values)
    })
    return isNegated ? negated(at, test) : test
  }

  #beginsArgument(): boolean {
    const { type, text } = this.token
    if (type === 'name') return !['else', 'or', 'and'].includes(text)
    return ['string', 'number', '[', '{'].includes(type)
  }

  /** The name of a filter or test. */
  #dottedName(kind: string, known: { has(name: string): boolean }): string {
    const { at } = this.token
    let name = this.expect('name').text
    while (this.skip('.')) name += `.${this.expect('name').text}`
    if (!known.has(name) && !this.around.isBranch)
      this.unknown.push({ at, message: `there is no ${kind} '${name}'` })
    return name
  }
}

export function negated(at: number, operand: Expression): Expression {
  return new Operation(at, [operand], (_run, [value]) => !isTrue(value as Value))
}

function item(at: number, object: Expression, key: Expression): Expression {
  return new Operation(at, [object, key], (run, [value, place]) => run.item(value as Value, place as Value))
}

export function tupleOf(at: number, items: Expression[]): Expression {
  return new Operation(at, items, (_run, values) => new Tuple(values))
}
