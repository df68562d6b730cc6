import type { Budget } from '../python/budget.js'
import { iterate, markup, toList } from '../python/operators.js'
import { str } from '../python/print.js'
import {
  asText,
  Fault,
  Func,
  isTrue,
  Markup,
  Stream,
  sizeOf,
  typeName,
  Undefined,
  type Value,
} from '../python/values.js'
import { Evaluator } from './evaluate.js'
import { globals } from './globals.js'
import { Loop } from './loop.js'
import { Macro } from './macro.js'
import type { Body, Escape, Expression, FilterNode, Program, Statement, Target } from './nodes.js'
import { Blocks, Namespace } from './objects.js'
import { Scope } from './scope.js'

type Signal = 'break' | 'continue' | undefined
type ForNode = Extract<Statement, { kind: 'for' }>

/** Runs a template once: walks its tree, statement by statement. */
export class Interpreter extends Evaluator {
  readonly #program: Program
  readonly #root: Scope
  #output = ''

  constructor(program: Program, given: ReadonlyMap<string, Value>, budget: Budget, now: Date) {
    super(budget, now)
    this.#program = program
    const context = new Scope(undefined)
    for (const [name, value] of globals(this)) context.values.set(name, value)
    for (const [name, value] of given) context.values.set(name, value)
    this.#root = new Scope(context)
    this.#root.values.set('self', new Blocks((name) => this.#blockCall(name)))
  }

  render(): string {
    this.body(this.#program.body, this.#root)
    return this.#output
  }

  /** What statements write, instead of writing it. */
  capture(run: () => void): string {
    const outer = this.#output
    this.#output = ''
    run()
    const text = this.#output
    this.#output = outer
    return text
  }

  #write(text: string): void {
    this.budget.text(text.length)
    this.#output += text
    this.budget.size(this.#output.length)
  }

  /** Runs statements with names of their own. */
  body({ statements, hidden }: Body, scope: Scope): Signal {
    this.budget.spend(hidden.length)
    for (const name of hidden) scope.hide(name)
    return this.run(statements, scope)
  }

  run(statements: readonly Statement[], scope: Scope): Signal {
    for (const statement of statements) {
      const signal = this.#statement(statement, scope)
      if (signal !== undefined) return signal
    }
    return undefined
  }

  #statement(node: Statement, scope: Scope): Signal {
    this.budget.spend(1)
    switch (node.kind) {
      case 'data':
        this.#write(node.text)
        return undefined
      case 'print':
        this.#print(this.evaluate(node.value, scope), node.escapes)
        return undefined
      case 'branches':
        for (const { test, statements } of node.branches) {
          if (isTrue(this.evaluate(test, scope))) return this.run(statements, scope)
        }
        return this.run(node.otherwise, scope)
      case 'for':
        return this.#for(node, scope)
      case 'set':
        this.#assign(node.target, this.evaluate(node.value, scope), scope)
        return undefined
      case 'capture': {
        const { value, signal } = this.#captured(node.body, scope, node.filter)
        if (signal === undefined) this.#assign(node.target, value, scope)
        return signal
      }
      case 'macro':
        scope.values.set(node.macro.name as string, new Macro(node.macro, scope, this))
        return undefined
      case 'callBlock': {
        const caller = new Macro(node.macro, scope, this)
        this.#writeText(this.call(node.call, scope, caller))
        return undefined
      }
      case 'filterBlock': {
        const { value, signal } = this.#captured(node.body, scope, node.filter)
        if (signal === undefined) this.#writeText(value)
        return signal
      }
      case 'with': {
        const inner = new Scope(scope)
        for (const [target, value] of node.bindings) this.#assign(target, this.evaluate(value, scope), inner)
        return this.body(node.body, inner)
      }
      case 'autoescape': {
        const outer = this.autoescape
        const inner = new Scope(scope)
        this.autoescape = isTrue(this.evaluate(node.value, inner))
        const signal = this.body(node.body, inner)
        this.autoescape = outer
        return signal
      }
      case 'block':
        this.#block(node.name, node.isScoped ? scope : this.#context())
        return undefined
      case 'scope':
        return this.body(node.body, new Scope(scope))
      case 'missing':
        this.at = node.at
        throw new Fault(`there is no ${node.what}`)
      default:
        return node.kind
    }
  }

  #print(value: Value, escapes: Escape): void {
    const isEscaped = escapes === 'running' ? this.autoescape : escapes
    this.#write(isEscaped ? markup(value, this.budget) : str(value, this.budget))
  }

  #writeText(value: Value): void {
    const text = asText(value)
    if (text === undefined) throw new Fault(`expected a text to write, got ${typeName(value)}`)
    this.#write(text)
  }

  /** What a body writes, through a filter where there is one; nothing where it ends a loop. */
  #captured(body: Body, scope: Scope, filter: FilterNode | undefined): { value: Value; signal: Signal } {
    let signal: Signal
    const text = this.capture(() => {
      signal = this.body(body, new Scope(scope))
    })
    const value = this.autoescape ? new Markup(text) : text
    const isFiltered = filter !== undefined && signal === undefined
    return { value: isFiltered ? this.applyFilter(filter, scope, value) : value, signal }
  }

  /** What a block sees: the context, and what was set at the top level. */
  #context(): Scope {
    const scope = new Scope(this.#root.parent)
    this.budget.list(this.#root.values.size * 4)
    for (const [name, value] of this.#root.values) {
      if (!(value instanceof Undefined)) scope.values.set(name, value)
    }
    return scope
  }

  #block(name: string, outer: Scope): void {
    const body = this.#program.blocks.get(name) as Body
    const scope = new Scope(outer)
    scope.values.set('super', new Undefined(() => `there is no parent block called '${name}'`))
    this.budget.enter()
    this.body(body, scope)
    this.budget.leave()
  }

  #blockCall(name: string): Value | undefined {
    if (!this.#program.blocks.has(name)) return undefined
    const call = () => this.capture(() => this.#block(name, this.#context()))
    return new Func(name, () => (this.autoescape ? new Markup(call()) : call()), 'BlockReference')
  }

  #for(node: ForNode, scope: Scope): Signal {
    const items = this.evaluate(node.items, scope)
    this.at = node.at
    if (!node.isRecursive) return this.#loop(node, scope, items, 0, undefined)
    const recurse = (inner: Value, depth: number): Value =>
      this.capture(() => this.#loop(node, scope, inner, depth, recurse))
    this.#write(recurse(items, 0) as string)
    return undefined
  }

  #loop(
    node: ForNode,
    scope: Scope,
    value: Value,
    depth: number,
    recurse: ((items: Value, depth: number) => Value) | undefined,
  ): Signal {
    this.budget.enter()
    const all = iterate(value, this.budget)
    const items = node.test === undefined ? all : new Stream(this.#passing(all, node, scope)).iterate()
    const length = node.test === undefined ? sizeOf(value) : undefined
    const again = recurse && ((inner: Value) => recurse(inner, depth + 1))
    const loop = new Loop(items, length, this, depth, again)
    let isEmpty = true
    let signal: Signal
    for (let item = loop.next(); item !== undefined; item = loop.next()) {
      isEmpty = false
      const inner = new Scope(scope)
      inner.values.set('loop', loop)
      this.at = node.at
      this.#assign(node.target, item, inner)
      if (this.body(node.body, inner) === 'break') break
    }
    if (isEmpty) signal = this.body(node.otherwise, new Scope(scope))
    this.budget.leave()
    return signal
  }

  *#passing(items: Iterable<Value>, node: ForNode, scope: Scope): Iterable<Value> {
    for (const item of items) {
      const inner = new Scope(scope)
      this.#assign(node.target, item, inner)
      if (isTrue(this.evaluate(node.test as Expression, inner))) yield item
    }
  }

  #assign(target: Target, value: Value, scope: Scope): void {
    if (target.kind === 'name') scope.values.set(target.name, value)
    else if (target.kind === 'field') {
      const namespace = scope.find(target.name)
      this.at = target.at
      if (!(namespace instanceof Namespace))
        throw new Fault('cannot assign attribute on non-namespace object')
      namespace.values.set(target.field, value, this.budget)
    } else {
      this.at = target.at
      const items = toList(value, this.budget)
      const { length } = target.items
      if (items.length !== length) throw new Fault(`expected ${length} values to unpack, got ${items.length}`)
      target.items.forEach((one, i) => {
        this.#assign(one, items[i] as Value, scope)
      })
    }
  }
}
