import type { Budget } from './budget.js'

/** A value while a template runs: Python's int is a bigint, its float a number, its list an array; the rest are things. */
export type Value = null | boolean | bigint | number | string | Value[] | Thing

/** What Python would raise. Where in the template it happened is added by who runs it. */
export class Fault extends Error {}

/** A value that JavaScript has no type for. Nothing that a template can do reaches more of it than these methods. */
export abstract class Thing {
  /** Python's name of its type. */
  abstract readonly type: string

  isTrue(): boolean {
    return this.size() !== 0
  }

  /** `len()`; undefined where it has none. */
  size(): number | undefined {
    return undefined
  }

  /** What a loop goes through; undefined where it is not iterable. */
  iterate(): Iterable<Value> | undefined {
    return undefined
  }

  /** A field of it; methods are in the table of methods. */
  attribute(_name: string): Value | undefined {
    return undefined
  }

  /** An item of what is neither a sequence nor a mapping. */
  item(_name: string): Value | undefined {
    return undefined
  }

  repr(_inner: (value: Value) => string): string {
    return `<${this.type} object at 0x7f0000000000>`
  }
}

/** A name, key or item that is not there: false and empty, but an error where anything is done with it. */
export class Undefined extends Thing {
  readonly type = 'Undefined'

  constructor(readonly describe: () => string) {
    super()
  }

  override size(): number {
    return 0
  }

  override iterate(): Value[] {
    return []
  }

  override repr(): string {
    return 'Undefined'
  }
}

export class Tuple extends Thing {
  readonly type = 'tuple'

  /** @param names Attributes for the first items, as Python's named tuples have them. */
  constructor(
    readonly items: Value[],
    readonly names: readonly string[] = [],
  ) {
    super()
  }

  override size(): number {
    return this.items.length
  }

  override iterate(): Value[] {
    return this.items
  }

  override attribute(name: string): Value | undefined {
    const index = this.names.indexOf(name)
    return index < 0 ? undefined : this.items[index]
  }

  override repr(inner: (value: Value) => string): string {
    return `(${this.items.map(inner).join(', ')}${this.items.length === 1 ? ',' : ''})`
  }
}

/** A text that is HTML already: `escape` leaves it as it is. */
export class Markup extends Thing {
  readonly type = 'Markup'

  constructor(readonly text: string) {
    super()
  }

  override isTrue(): boolean {
    return this.text !== ''
  }

  override repr(inner: (value: Value) => string): string {
    return `Markup(${inner(this.text)})`
  }
}

/** Keys in the order they came in. 1, 1.0 and True are one key. */
export class Dict extends Thing {
  readonly type = 'dict'
  readonly entries = new Map<unknown, readonly [Value, Value]>()

  static of(pairs: Iterable<readonly [Value, Value]>, budget: Budget): Dict {
    const dict = new Dict()
    for (const [key, value] of pairs) dict.set(key, value, budget)
    return dict
  }

  get(key: Value, budget: Budget): Value | undefined {
    return this.entries.get(hashOf(key, budget))?.[1]
  }

  set(key: Value, value: Value, budget: Budget): void {
    const hash = hashOf(key, budget)
    this.entries.set(hash, [this.entries.get(hash)?.[0] ?? key, value])
  }

  override size(): number {
    return this.entries.size
  }

  override *iterate(): Iterable<Value> {
    for (const [key] of this.entries.values()) yield key
  }

  override repr(inner: (value: Value) => string): string {
    return `{${Array.from(this.entries.values(), ([key, value]) => `${inner(key)}: ${inner(value)}`).join(', ')}}`
  }
}

/** The keys, values or items of a mapping. */
export class View extends Thing {
  constructor(
    readonly type: 'dict_keys' | 'dict_values' | 'dict_items',
    readonly dict: Dict,
  ) {
    super()
  }

  override size(): number {
    return this.dict.size()
  }

  override *iterate(): Iterable<Value> {
    for (const [key, value] of this.dict.entries.values()) {
      yield this.type === 'dict_keys' ? key : this.type === 'dict_values' ? value : new Tuple([key, value])
    }
  }

  override repr(inner: (value: Value) => string): string {
    return `${this.type}(${inner([...this.iterate()])})`
  }
}

export class Range extends Thing {
  readonly type = 'range'

  constructor(
    readonly start: bigint,
    readonly stop: bigint,
    readonly step: bigint,
    readonly length: number,
  ) {
    super()
  }

  /** What equal ranges have in common: the items that they give. */
  get key(): string {
    if (this.length === 0) return ''
    return this.length === 1 ? `${this.start}` : `${this.start},${this.length},${this.step}`
  }

  at(index: number): bigint {
    return this.start + BigInt(index) * this.step
  }

  override size(): number {
    return this.length
  }

  override *iterate(): Iterable<Value> {
    for (let i = 0; i < this.length; i++) yield this.at(i)
  }

  override attribute(name: string): Value | undefined {
    return name === 'start' || name === 'stop' || name === 'step' ? this[name] : undefined
  }

  override repr(): string {
    return `range(${this.start}, ${this.stop}${this.step === 1n ? '' : `, ${this.step}`})`
  }
}

/** Goes through its items once, computing each when it is asked for: what `map`, `select` and their like give. */
export class Stream extends Thing {
  readonly #items: Iterator<Value>
  #isRunning = false

  constructor(
    items: Iterable<Value>,
    readonly type = 'generator',
  ) {
    super()
    this.#items = items[Symbol.iterator]()
  }

  /** Without `return`, so that a loop that stops early leaves the rest to the next. */
  override iterate(): Iterable<Value> {
    const next = () => {
      if (this.#isRunning) throw new Fault('generator already executing')
      this.#isRunning = true
      const item = this.#items.next()
      this.#isRunning = false
      return item
    }
    return { [Symbol.iterator]: () => ({ next }) }
  }
}

/** What a template can call. */
export class Func extends Thing {
  constructor(
    readonly name: string,
    readonly call: (args: Args) => Value,
    readonly type = 'builtin_function_or_method',
    readonly shown?: string,
  ) {
    super()
  }

  override repr(inner: (value: Value) => string): string {
    return this.shown ?? super.repr(inner)
  }
}

/** The arguments of a call. */
export interface Args {
  readonly positional: readonly Value[]
  readonly named: ReadonlyMap<string, Value>
}

export function typeName(value: Value): string {
  if (value === null) return 'NoneType'
  if (Array.isArray(value)) return 'list'
  if (value instanceof Thing) return value.type
  return { boolean: 'bool', bigint: 'int', number: 'float', string: 'str' }[typeof value as 'string']
}

export function isTrue(value: Value): boolean {
  if (value instanceof Thing) return value.isTrue()
  return Array.isArray(value) ? value.length > 0 : Boolean(value)
}

/** How many items a list or a thing has; undefined for other values. */
export function sizeOf(value: Value): number | undefined {
  if (Array.isArray(value)) return value.length
  return value instanceof Thing ? value.size() : undefined
}

/** What is not there is no operand. */
export function refuseUndefined(...values: Value[]): void {
  for (const value of values) if (value instanceof Undefined) throw new Fault(value.describe())
}

/** The text of a text, HTML or not; undefined for other values. */
export function asText(value: Value | undefined): string | undefined {
  if (typeof value === 'string') return value
  return value instanceof Markup ? value.text : undefined
}

/** Ints and floats, and bools as ints; undefined for other values. */
export function asNumber(value: Value): bigint | number | undefined {
  if (typeof value === 'boolean') return value ? 1n : 0n
  return typeof value === 'bigint' || typeof value === 'number' ? value : undefined
}

/** A text is its own hash, unless it could be taken for a tuple's or a range's. */
export function hashOfText(text: string): string {
  return text.startsWith('\0') ? `\0s${text}` : text
}

/** What equal keys have in common, for JavaScript's maps. */
export function hashOf(value: Value, budget: Budget): unknown {
  if (typeof value === 'string') {
    budget.text(value.length)
    return hashOfText(value)
  }
  if (value instanceof Markup) return hashOf(value.text, budget)
  const number = asNumber(value)
  if (number !== undefined) {
    // As text: JavaScript's maps mix the hashes of texts with a secret, those of numbers with none, and of a bigint they see 64 bits.
    const text = String(Number.isInteger(number) ? BigInt(number) : number)
    budget.spend(text.length >> 2)
    return `\0n${text}`
  }
  if (value instanceof Undefined) return Undefined
  if (value instanceof Tuple) {
    budget.enter()
    const hashes = value.items.map((item) => {
      const hash = hashOf(item, budget)
      return `${typeof hash}${String(hash).length}:${String(hash)}`
    })
    budget.leave()
    const joined = hashes.join()
    budget.text(joined.length)
    return `\0t${joined}`
  }
  if (value instanceof Range) {
    const { key } = value
    budget.spend(key.length >> 2)
    return `\0r${key}`
  }
  const isKeysOrItems = value instanceof View && value.type !== 'dict_values'
  if (isKeysOrItems || value instanceof Dict || Array.isArray(value)) {
    throw new Fault(`unhashable type: '${typeName(value)}'`)
  }
  return value
}
