import { equal, iterate } from '../python/operators.js'
import { type Args, Fault, Func, isTrue, Stream, sizeOf, Undefined, type Value } from '../python/values.js'
import type { Expression } from './expression.js'
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
  const loop = new Loop(items, length, run, depth, node.isRecursive ? again : undefined)
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
export class Loop extends Func {
  #iterator: Iterator<Value>
  index = -1
  #length: number | undefined
  #ahead: IteratorResult<Value> | undefined
  #before: Value | undefined
  #current: Value | undefined
  #changed: readonly Value[] | undefined

  /** @param recurse Renders the loop's body for other items; undefined where the loop is not marked `recursive`. */
  constructor(
    items: Iterable<Value>,
    length: number | undefined,
    readonly run: Run,
    readonly depth0: number,
    readonly recurse: ((items: Value) => Value) | undefined,
  ) {
    super('loop', (args) => this.#recurse(args), 'LoopContext')
    this.#iterator = items[Symbol.iterator]()
    this.#length = length
  }

  #recurse({ positional: [items], named }: Args): Value {
    if (this.recurse === undefined) throw new Fault("the loop must be marked 'recursive' to be called")
    if (items === undefined || named.size > 0) throw new Fault('loop() takes the items to loop over')
    return this.recurse(items)
  }

  next(): Value | undefined {
    const { done, value } = this.#peek()
    this.#ahead = undefined
    if (done) return undefined
    this.index++
    this.#before = this.#current
    this.#current = value
    return value
  }

  #peek(): IteratorResult<Value> {
    this.#ahead ??= this.#iterator.next()
    return this.#ahead
  }

  override size(): number {
    if (this.#length === undefined) {
      const isAhead = this.#ahead !== undefined && !this.#ahead.done
      const rest: Value[] = []
      for (let one = this.#iterator.next(); !one.done; one = this.#iterator.next()) rest.push(one.value)
      this.#iterator = rest[Symbol.iterator]()
      this.#length = rest.length + this.index + 1 + (isAhead ? 1 : 0)
    }
    return this.#length
  }

  override attribute(name: string): Value | undefined {
    return fields.get(name)?.(this)
  }

  get previous(): Value {
    return this.index > 0 ? (this.#before as Value) : new Undefined(() => 'there is no previous item')
  }

  get following(): Value {
    const { done, value } = this.#peek()
    return done ? new Undefined(() => 'there is no next item') : value
  }

  get isLast(): boolean {
    return this.#peek().done === true
  }

  cycle({ positional }: Args): Value {
    if (positional.length === 0) throw new Fault('no items for cycling given')
    return positional[this.index % positional.length] as Value
  }

  hasChanged({ positional }: Args): boolean {
    const isSame =
      this.#changed?.length === positional.length &&
      positional.every((value, i) => equal(value, this.#changed?.[i] as Value, this.run.budget))
    this.#changed = positional
    return !isSame
  }

  override repr(): string {
    return `<LoopContext ${this.index + 1}/${this.size()}>`
  }
}

const fields = new Map<string, (loop: Loop) => Value>([
  ['index', (loop) => BigInt(loop.index + 1)],
  ['index0', (loop) => BigInt(loop.index)],
  ['first', (loop) => loop.index === 0],
  ['last', (loop) => loop.isLast],
  ['length', (loop) => BigInt(loop.size())],
  ['revindex', (loop) => BigInt(loop.size() - loop.index)],
  ['revindex0', (loop) => BigInt(loop.size() - loop.index - 1)],
  ['depth', (loop) => BigInt(loop.depth0 + 1)],
  ['depth0', (loop) => BigInt(loop.depth0)],
  ['previtem', (loop) => loop.previous],
  ['nextitem', (loop) => loop.following],
  ['cycle', (loop) => new Func('cycle', (args) => loop.cycle(args))],
  ['changed', (loop) => new Func('changed', (args) => loop.hasChanged(args))],
])
