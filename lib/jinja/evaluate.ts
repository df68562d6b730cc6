import { binary, negative, positive } from '../python/arithmetic.js'
import type { Budget } from '../python/budget.js'
import { sliceOf } from '../python/items.js'
import { holds, iterate, markup } from '../python/operators.js'
import { str } from '../python/print.js'
import { callBuiltin } from '../python/signature.js'
import {
  type Args,
  Dict,
  Fault,
  Func,
  isTrue,
  Markup,
  Tuple,
  typeName,
  Undefined,
  type Value,
} from '../python/values.js'
import { attributeOf, itemOf } from './access.js'
import { filters } from './filters.js'
import { Loop } from './loop.js'
import type { Macro } from './macro.js'
import type { Arguments, Escape, Expression, FilterNode } from './nodes.js'
import type { Run } from './run.js'
import type { Scope } from './scope.js'
import { tests } from './tests.js'

const noNames: ReadonlyMap<string, Value> = new Map()

/** Evaluates expressions. */
export class Evaluator implements Run {
  autoescape = false
  /** Where in the source it is. */
  at = 0

  constructor(
    readonly budget: Budget,
    readonly now: Date,
  ) {}

  filter(name: string, args: Args): Value {
    const filter = filters.get(name)
    if (filter === undefined) throw new Fault(`there is no filter '${name}'`)
    return callBuiltin(filter, args, this)
  }

  test(name: string, args: Args): boolean {
    const test = tests.get(name)
    if (test === undefined) throw new Fault(`there is no test '${name}'`)
    return isTrue(callBuiltin(test, args, this))
  }

  attribute(object: Value, name: string): Value {
    return attributeOf(object, name, this)
  }

  item(object: Value, key: Value): Value {
    return itemOf(object, key, this)
  }

  evaluate(node: Expression, scope: Scope): Value {
    if (node.kind === 'constant') return node.value
    if (node.kind === 'name') return this.#name(node.name, scope)
    this.budget.enter()
    const value = this.#expression(node, scope)
    this.budget.leave()
    return value
  }

  #name(name: string, scope: Scope): Value {
    this.budget.spend(1)
    const value = scope.find(name)
    return value === undefined ? new Undefined(() => `'${name}' is undefined`) : value
  }

  #expression(node: Expression, scope: Scope): Value {
    switch (node.kind) {
      case 'attribute': {
        const object = this.evaluate(node.object, scope)
        this.at = node.at
        return attributeOf(object, node.name, this)
      }
      case 'item': {
        const object = this.evaluate(node.object, scope)
        const key = this.evaluate(node.key, scope)
        this.at = node.at
        return itemOf(object, key, this)
      }
      case 'filter':
        return this.applyFilter(node, scope, '')
      case 'call':
        return this.call(node, scope)
      case 'compare':
        return this.#compare(node, scope)
      case 'and':
      case 'or': {
        const left = this.evaluate(node.left, scope)
        return isTrue(left) === (node.kind === 'and') ? this.evaluate(node.right, scope) : left
      }
      case 'not':
        return !isTrue(this.evaluate(node.operand, scope))
      case 'test': {
        const operand = this.evaluate(node.operand, scope)
        const args = this.#args(node.args, scope, operand)
        this.at = node.at
        return this.test(node.name, args)
      }
      case 'binary': {
        const left = this.evaluate(node.left, scope)
        const right = this.evaluate(node.right, scope)
        this.at = node.at
        return binary(node.operator, left, right, this.budget)
      }
      case 'concat':
        return this.#concat(
          node.items.map((item) => this.evaluate(item, scope)),
          node.escapes,
        )
      case 'if':
        if (isTrue(this.evaluate(node.test, scope))) return this.evaluate(node.value, scope)
        if (node.otherwise !== undefined) return this.evaluate(node.otherwise, scope)
        return new Undefined(() => 'the inline if-expression evaluated to false and has no else')
      case 'slice': {
        const object = this.evaluate(node.object, scope)
        const bounds = node.bounds.map((bound) => bound && this.evaluate(bound, scope))
        this.at = node.at
        return sliceOf(object, bounds, this)
      }
      case 'list':
        return node.items.map((item) => this.evaluate(item, scope))
      case 'tuple':
        return new Tuple(node.items.map((item) => this.evaluate(item, scope)))
      case 'dict': {
        const pairs = node.pairs.map(
          ([key, value]) => [this.evaluate(key, scope), this.evaluate(value, scope)] as const,
        )
        this.at = node.at
        return Dict.of(pairs, this.budget)
      }
      case 'negative':
      case 'positive': {
        const operand = this.evaluate(node.operand, scope)
        this.at = node.at
        return node.kind === 'negative' ? negative(operand) : positive(operand)
      }
      default:
        return this.evaluate(node, scope)
    }
  }

  #compare(node: Extract<Expression, { kind: 'compare' }>, scope: Scope): boolean {
    let left = this.evaluate(node.first, scope)
    for (const { operator, operand } of node.rest) {
      const right = this.evaluate(operand, scope)
      this.at = node.at
      if (!holds(operator, left, right, this.budget)) return false
      left = right
    }
    return true
  }

  #concat(values: Value[], escapes: Escape): Value {
    const isHtml =
      (escapes === 'running' ? this.autoescape : escapes) && values.some((value) => value instanceof Markup)
    let text = ''
    for (const value of values) {
      text += isHtml ? markup(value, this.budget) : str(value, this.budget)
      this.budget.text(text.length)
    }
    return isHtml ? new Markup(text) : text
  }

  applyFilter(node: FilterNode, scope: Scope, text: Value): Value {
    const { operand } = node
    let value = text
    if (operand !== undefined)
      value =
        operand.kind === 'filter' ? this.applyFilter(operand, scope, text) : this.evaluate(operand, scope)
    const args = this.#args(node.args, scope, value)
    this.at = node.at
    return this.filter(node.name, args)
  }

  call(node: Extract<Expression, { kind: 'call' }>, scope: Scope, caller?: Macro): Value {
    const callee = this.evaluate(node.callee, scope)
    const args = this.#args(node.args, scope, undefined, caller)
    this.at = node.at
    if (callee instanceof Func) return callee.call(args)
    if (callee instanceof Loop) return callee.call(args)
    throw new Fault(
      callee instanceof Undefined ? callee.describe() : `'${typeName(callee)}' object is not callable`,
    )
  }

  /** The arguments of a call, after the value that a filter or test is for. */
  #args(node: Arguments, scope: Scope, first?: Value, caller?: Macro): Args {
    const positional = first === undefined ? [] : [first]
    for (const item of node.positional) positional.push(this.evaluate(item, scope))
    if (node.spread !== undefined) {
      for (const item of iterate(this.evaluate(node.spread, scope), this.budget)) positional.push(item)
    }
    if (node.named.length === 0 && node.spreadNamed === undefined && caller === undefined) {
      return { positional, named: noNames }
    }
    const named = new Map<string, Value>()
    const add = (name: string, value: Value) => {
      if (named.has(name)) throw new Fault(`got multiple values for keyword argument '${name}'`)
      named.set(name, value)
    }
    for (const [name, value] of node.named) add(name, this.evaluate(value, scope))
    if (node.spreadNamed !== undefined) {
      const mapping = this.evaluate(node.spreadNamed, scope)
      if (!(mapping instanceof Dict)) throw new Fault(`expected a mapping after **, got ${typeName(mapping)}`)
      this.budget.list(4 * mapping.size())
      for (const [key, value] of mapping.entries.values()) {
        if (typeof key !== 'string') throw new Fault('keywords must be strings')
        add(key, value)
      }
    }
    if (caller !== undefined) add('caller', caller)
    return { positional, named }
  }
}
