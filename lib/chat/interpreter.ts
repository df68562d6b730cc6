import type { Budget } from './budget.js'
import { applyFilter, filters } from './filters.js'
import {
  bool,
  Interpreter,
  isList,
  isMap,
  isNumber,
  isText,
  isUndefined,
  list,
  type Node,
  type Scope,
  text,
  toValue,
  undefinedValue,
  type Value,
} from './jinja.js'
import { equal, str } from './python.js'
import { stringMethods } from './string-methods.js'

const statements = new Set([
  'Set',
  'If',
  'For',
  'Macro',
  'CallStatement',
  'FilterStatement',
  'Break',
  'Continue',
  'Comment',
])

/** Nodes that make something new of a size of their own; the others look something up or say true or false. */
const makers = new Set([
  'BinaryExpression',
  'FilterExpression',
  'FilterStatement',
  'CallExpression',
  'CallStatement',
  'For',
  'ArrayLiteral',
])

/** Where a template's syntax tree prints a value, and where it loops over one. */
export class Places {
  readonly printed = new WeakSet<Node>()
  readonly looped = new WeakSet<Node>()

  constructor(program: Node) {
    this.#block(program)
  }

  #block(node: Node): void {
    if (node.type === 'For') {
      this.looped.add(node.iterable.type === 'SelectExpression' ? node.iterable.lhs : node.iterable)
    }
    for (const field of ['body', 'alternate', 'defaultBlock']) {
      for (const one of (node[field] ?? []) as Node[]) {
        if (statements.has(one.type)) this.#block(one)
        else this.printed.add(one)
      }
    }
  }
}

/**
 * The library's interpreter within a budget, with Python's semantics where JavaScript's shine through: how values print, compare, add
 * up, and what their methods do. Every evaluation, the inner ones too, goes through `evaluate`.
 */
export class PythonInterpreter extends Interpreter {
  readonly #places: Places
  readonly #budget: Budget

  constructor(scope: Scope, places: Places, budget: Budget) {
    super(scope)
    this.#places = places
    this.#budget = budget
  }

  override evaluate(node: Node | undefined, scope: Scope): Value {
    if (node === undefined || node === null) return undefinedValue
    if (node.type === 'Value') return node.value
    this.#budget.spend(1)
    const value = this.#value(node, scope)
    if (makers.has(node.type)) this.#spendOn(value)
    if (this.#places.printed.has(node)) {
      const printed = isText(value) ? value : text(str(value, this.#budget))
      this.#spendOn(printed)
      return printed
    }
    return this.#places.looped.has(node) ? this.#iterable(value) : value
  }

  #value(node: Node, scope: Scope): Value {
    switch (node.type) {
      case 'BinaryExpression':
        return this.#binary(node, scope)
      case 'FilterExpression':
        return this.#filter(this.evaluate(node.operand, scope), node.filter, scope)
      case 'FilterStatement':
        return this.#filter(super.evaluate({ type: 'Program', body: node.body }, scope), node.filter, scope)
      case 'MemberExpression':
        return this.#member(this.evaluate(node.object, scope), node, scope)
      case 'CallExpression':
        return this.#call(node, scope)
      case 'TestExpression':
        return this.#test(node, scope)
      default:
        return super.evaluate(node, scope)
    }
  }

  #binary(node: Node, scope: Scope): Value {
    const operator: string = node.operator.value
    const left = this.evaluate(node.left, scope)
    if (operator === 'and' || operator === 'or') {
      return left.__bool__().value === (operator === 'and') ? this.evaluate(node.right, scope) : left
    }
    const right = this.evaluate(node.right, scope)
    this.#spendOn(left)
    this.#spendOn(right)
    if (operator === '==') return bool(equal(left, right, this.#budget))
    if (operator === '!=') return bool(!equal(left, right, this.#budget))
    if (operator === '~') return text(str(left, this.#budget) + str(right, this.#budget))
    if ((operator === 'in' || operator === 'not in') && isList(right)) {
      const isMember = (right.value as Value[]).some((one) => equal(one, left, this.#budget))
      return bool(isMember === (operator === 'in'))
    }
    if (isText(left) && isText(right)) {
      if (operator === '<') return bool(left.value < right.value)
      if (operator === '<=') return bool(left.value <= right.value)
      if (operator === '>') return bool(left.value > right.value)
      if (operator === '>=') return bool(left.value >= right.value)
    } else if (operator === '+' && (isText(left) || isText(right))) {
      throw new Error(`cannot add ${left.type} and ${right.type}: only texts add up to a text`)
    }
    if (isNumber(left) && isNumber(right)) {
      if (['/', '//', '%'].includes(operator) && right.value === 0) throw new Error('division by zero')
      if (operator === '%' && left.type === right.type && left.value % right.value !== 0) {
        const rest = left.value % right.value
        return rest < 0 === right.value < 0 ? toValue(rest) : toValue(rest + right.value)
      }
    }
    return super.evaluate({ ...node, left: held(left), right: held(right) }, scope)
  }

  #filter(operand: Value, filter: Node, scope: Scope): Value {
    this.#spendOn(operand)
    const name: string = filter.type === 'Identifier' ? filter.value : filter.callee?.value
    if (Object.hasOwn(filters, name)) {
      const nodes: Node[] = filter.type === 'Identifier' ? [] : filter.args
      const result = applyFilter(name, operand, this.#arguments(nodes, scope), this.#budget)
      if (result !== undefined) return result
    }
    return (
      super.evaluate({ type: 'FilterExpression', operand: held(operand), filter }, scope) ?? undefinedValue
    )
  }

  #member(object: Value, node: Node, scope: Scope): Value {
    if (isUndefined(object)) throw new Error(`${nameOf(node.object)} is undefined`)
    if (node.computed && node.property.type === 'SliceExpression') this.#spendOn(object)
    // Python's methods come before a mapping's keys where a dot is used.
    const method = !node.computed && isMap(object) && dictMethods.has(node.property.value)
    if (method) return object.builtins.get(node.property.value) ?? undefinedValue
    return super.evaluate({ ...node, object: held(object) }, scope)
  }

  #call(node: Node, scope: Scope): Value {
    const { callee } = node
    if (callee.type !== 'MemberExpression' || callee.computed) return super.evaluate(node, scope)
    const object = this.evaluate(callee.object, scope)
    this.#spendOn(object)
    const name: string = callee.property.value
    if (isText(object) && Object.hasOwn(stringMethods, name)) {
      const { positional, named } = this.#arguments(node.args, scope)
      if (named.size > 0) throw new Error(`${name}() takes no keyword arguments here`)
      return stringMethods[name]?.(object.value, positional, this.#budget) ?? undefinedValue
    }
    return super.evaluate({ ...node, callee: held(this.#member(object, callee, scope)) }, scope)
  }

  #test(node: Node, scope: Scope): Value {
    const operand = this.evaluate(node.operand, scope)
    const name: string = node.test.value
    if (name === 'iterable') {
      const isIterable = isList(operand) || isText(operand) || isMap(operand) || isUndefined(operand)
      return bool(isIterable !== node.negate)
    }
    if (name === 'float') return bool((operand.type === 'FloatValue') !== node.negate)
    return super.evaluate({ ...node, operand: held(operand) }, scope)
  }

  #arguments(nodes: Node[], scope: Scope): { positional: Value[]; named: Map<string, Value> } {
    const positional: Value[] = []
    const named = new Map<string, Value>()
    for (const node of nodes) {
      if (node.type === 'KeywordArgumentExpression') {
        named.set(node.key.value, this.evaluate(node.value, scope))
      } else if (node.type.endsWith('SpreadExpression')) {
        throw new Error('unpacked arguments are not supported here')
      } else positional.push(this.evaluate(node, scope))
    }
    return { positional, named }
  }

  /** Python loops over a text's characters, and over nothing where a name is undefined. */
  #iterable(value: Value): Value {
    if (isUndefined(value)) return list([])
    const iterable = isText(value) ? list(Array.from(value.value as string, text)) : value
    // A round costs the library more than an evaluation does.
    if (isList(iterable)) this.#budget.spend(iterable.value.length * 4)
    return iterable
  }

  #spendOn(value: Value | undefined): void {
    if (value === undefined) return
    if (isText(value)) this.#budget.text(value.value.length)
    else if (isList(value)) this.#budget.list(value.value.length)
    else if (isMap(value)) this.#budget.list(value.value.size)
  }
}

const dictMethods = new Set(['get', 'items', 'keys', 'values'])

/** A node that is evaluated already. */
function held(value: Value): Node {
  return { type: 'Value', value }
}

function nameOf(node: Node): string {
  return node.type === 'Identifier' ? `'${node.value}'` : `'${node.property?.value ?? 'a value'}'`
}
