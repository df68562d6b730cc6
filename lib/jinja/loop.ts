import { equal } from '../python/operators.js'
import { type Args, Fault, Func, Thing, Undefined, type Value } from '../python/values.js'
import type { Run } from './run.js'

/** The special variable of a loop. It looks one item ahead at most, and only when it is asked to. */
export class Loop extends Thing {
  readonly type = 'LoopContext'
  #iterator: Iterator<Value>
  #index = -1
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
    super()
    this.#iterator = items[Symbol.iterator]()
    this.#length = length
  }

  /** Renders the loop's body for other items. */
  call({ positional: [items], named }: Args): Value {
    if (this.recurse === undefined) throw new Fault("the loop must be marked 'recursive' to be called")
    if (items === undefined || named.size > 0) throw new Fault('loop() takes the items to loop over')
    return this.recurse(items)
  }

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

  override size(): number {
    if (this.#length === undefined) {
      const isAhead = this.#ahead !== undefined && !this.#ahead.done
      const rest: Value[] = []
      for (let one = this.#iterator.next(); !one.done; one = this.#iterator.next()) rest.push(one.value)
      this.#iterator = rest[Symbol.iterator]()
      this.#length = rest.length + this.#index + 1 + (isAhead ? 1 : 0)
    }
    return this.#length
  }

  override attribute(name: string): Value | undefined {
    const index = this.#index
    switch (name) {
      case 'index':
        return BigInt(index + 1)
      case 'index0':
        return BigInt(index)
      case 'first':
        return index === 0
      case 'last':
        return this.#peek().done === true
      case 'length':
        return BigInt(this.size())
      case 'revindex':
        return BigInt(this.size() - index)
      case 'revindex0':
        return BigInt(this.size() - index - 1)
      case 'depth':
        return BigInt(this.depth0 + 1)
      case 'depth0':
        return BigInt(this.depth0)
      case 'previtem':
        return index > 0 ? (this.#before as Value) : new Undefined(() => 'there is no previous item')
      case 'nextitem': {
        const { done, value } = this.#peek()
        return done ? new Undefined(() => 'there is no next item') : value
      }
      case 'cycle':
        return new Func(name, ({ positional }) => {
          if (positional.length === 0) throw new Fault('no items for cycling given')
          return positional[index % positional.length] as Value
        })
      case 'changed':
        return new Func(name, (args) => this.#hasChanged(args))
      default:
        return undefined
    }
  }

  #hasChanged({ positional }: Args): boolean {
    const isSame =
      this.#changed?.length === positional.length &&
      positional.every((value, i) => equal(value, this.#changed?.[i] as Value, this.run.budget))
    this.#changed = positional
    return !isSame
  }

  override repr(): string {
    return `<LoopContext ${this.#index + 1}/${this.size()}>`
  }
}
