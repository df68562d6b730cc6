import type { Budget } from '../python/budget.js'
import { equal, iterate } from '../python/operators.js'
import { type Args, Fault, Func, isTrue, Stream, sizeOf, Undefined, type Value } from '../python/values.js'
import type { Expression } from './nodes.js'
import type { Parser } from './parser.js'
import type { Run, Signal, Statement } from './run.js'
import { Scope } from './scope.js'
import { parseTarget, type Target } from './targets.js'

/** `{% for target in items if test recursive %}`, with an `else` for no items. */
export function parseFor(parser: Parser, at: number): Statement {
  return parser.within({ hasLoop: true }, () => {
    const target = parseTarget(parser)
    parser.expect('name', 'in')
    const items = parser.condition()
    const test = parser.skip('name', 'if') ? parser.inner(target.names, () => parser.expression()) : undefined
    const isRecursive = parser.skip('name', 'recursive')
    parser.endOfHead()
    const names = ['loop', ...target.names]
    const body = parser.within({ isInLoop: true }, () => parser.body(['endfor', 'else'], names))
    const otherwise = parser.take().text === 'else' ? parser.block('endfor') : () => undefined
    const loop = { at, target, test, isRecursive, body, otherwise }
    return (run, scope) => {
      const value = items.evaluate(run, scope)
      run.at = at
      return runLoop(loop, value, run, scope, 0)
    }
  })
}

interface ForLoop {
  readonly at: number
  readonly target: Target
  readonly test: Expression | undefined
  readonly isRecursive: boolean
  readonly body: Statement
  readonly otherwise: Statement
}

function runLoop(node: ForLoop, value: Value, run: Run, scope: Scope, depth: number): Signal {
  run.budget.enter()
  const { test } = node
  const all = iterate(value, run.budget)
  const items = test === undefined ? all : new Stream(passing(all, node.target, test, run, scope)).iterate()
  const again = (inner: Value) => run.capture(() => runLoop(node, inner, run, scope, depth + 1)).value
  const length = test === undefined ? sizeOf(value) : undefined
  const loop = new Loop(items, length, run.budget, depth, node.isRecursive ? again : undefined)
  let isEmpty = true
  for (let item = loop.next(); item !== undefined; item = loop.next()) {
    isEmpty = false
    const inner = new Scope(scope, [['loop', loop]])
    run.at = node.at
    node.target.assign(run, inner, item)
    if (node.body(run, inner) === 'break') break
  }
  const signal = isEmpty ? node.otherwise(run, new Scope(scope)) : undefined
  run.budget.leave()
  return signal
}

function* passing(items: Iterable<Value>, target: Target, test: Expression, run: Run, scope: Scope) {
  for (const item of items) {
    const inner = new Scope(scope)
    target.assign(run, inner, item)
    if (isTrue(test.evaluate(run, inner))) yield item
  }
}

/** The special variable of a loop. It looks one item ahead at most, and only when it is asked to. */
class Loop extends Func {
  #iterator: Iterator<Value>
  #index = -1
  #length: number | undefined
  #ahead: IteratorResult<Value> | undefined
  #before: Value | undefined
  #current: Value | undefined
  #changed: readonly Value[] | undefined
  readonly #fields = new Map<string, () => Value>([
    ['index', () => BigInt(this.#index + 1)],
    ['index0', () => BigInt(this.#index)],
    ['first', () => this.#index === 0],
    ['last', () => this.#peek().done === true],
    ['length', () => BigInt(this.size())],
    ['revindex', () => BigInt(this.size() - this.#index)],
    ['revindex0', () => BigInt(this.size() - this.#index - 1)],
    ['depth', () => BigInt(this.depth0 + 1)],
    ['depth0', () => BigInt(this.depth0)],
    ['previtem', () => this.#previous()],
    ['nextitem', () => this.#next()],
    ['cycle', () => new Func('cycle', (args) => this.#cycle(args))],
    ['changed', () => new Func('changed', (args) => this.#hasChanged(args))],
  ])

  /**
   * @param length Undefined until it is asked for, where only going through the items tells.
   * @param again Renders the loop's body for other items; undefined where the loop is not marked `recursive`.
   */
  constructor(
    items: Iterable<Value>,
    length: number | undefined,
    readonly budget: Budget,
    readonly depth0: number,
    again: ((items: Value) => Value) | undefined,
  ) {
    const call = ({ positional: [inner], named }: Args) => {
      if (again === undefined) throw new Fault("the loop must be marked 'recursive' to be called")
      if (inner === undefined || named.size > 0) throw new Fault('loop() takes the items to loop over')
      return again(inner)
    }
    super('loop', call, 'LoopContext')
    this.#iterator = items[Symbol.iterator]()
    this.#length = length
  }

  override attribute(name: string): Value | undefined {
    return this.#fields.get(name)?.()
  }

  /** Goes on to the next item. */
  next(): Value | undefined {
    const { done, value } = this.#peek()
    this.#ahead = undefined
    if (done) return undefined
    this.#index++
    this.#before = this.#current
    this.#current = value
    return value
  }

  #peek(): IteratorResult<Value> {
    this.#ahead ??= this.#iterator.next()
    return this.#ahead
  }

  #previous(): Value {
    return this.#before === undefined ? new Undefined(() => 'there is no previous item') : this.#before
  }

  #next(): Value {
    const { done, value } = this.#peek()
    return done ? new Undefined(() => 'there is no next item') : value
  }

  override size(): number {
    if (this.#length === undefined) {
      const isAhead = this.#ahead !== undefined && !this.#ahead.done
      const rest = Array.from({ [Symbol.iterator]: () => this.#iterator })
      this.#iterator = rest[Symbol.iterator]()
      this.#length = rest.length + this.#index + 1 + (isAhead ? 1 : 0)
    }
    return this.#length
  }

  #cycle({ positional }: Args): Value {
    if (positional.length === 0) throw new Fault('no items for cycling given')
    return positional[this.#index % positional.length] as Value
  }

  #hasChanged({ positional }: Args): boolean {
    const before = this.#changed
    this.#changed = positional
    const isSame = (value: Value, i: number) => equal(value, before?.[i] as Value, this.budget)
    return before?.length !== positional.length || !positional.every(isSame)
  }

  override repr(): string {
    return `<LoopContext ${this.#index + 1}/${this.size()}>`
  }
}
