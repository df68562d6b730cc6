import { methods, mutators } from './methods.js'
import { markup, toList } from './operators.js'
import { repr } from './print.js'
import { type Builtin, callBuiltin, intOf, type Run } from './signature.js'
import { characters } from './text.js'
import {
  type Args,
  asText,
  Blocks,
  Dict,
  Fault,
  Func,
  Markup,
  Range,
  Thing,
  Tuple,
  typeName,
  Undefined,
  type Value,
} from './values.js'

// The environment's rules for `object.name` and `object[key]`: attributes are methods and a few fields, never what JavaScript has.

const ofAllObjects =
  /^__(class|doc|dir|eq|ge|gt|le|lt|ne|hash|init|new|repr|str|format|reduce|reduce_ex|sizeof|getattribute|setattr|delattr|subclasshook|init_subclass)__$/

/** `object.name`: an attribute, or else an item. */
export function attributeOf(object: Value, name: string, run: Run): Value {
  if (object instanceof Undefined) throw new Fault(object.describe())
  const attribute = pythonAttribute(object, name, run)
  return found(attribute === undefined ? pythonItem(object, name, run) : attribute, object, name, run)
}

/** `object[key]`: an item, or else an attribute. */
export function itemOf(object: Value, key: Value, run: Run): Value {
  if (object instanceof Undefined) throw new Fault(object.describe())
  let item = pythonItem(object, key, run)
  if (item === undefined && asText(key) !== undefined)
    item = pythonAttribute(object, asText(key) as string, run)
  return found(item, object, key, run)
}

function found(value: Value | undefined, object: Value, key: Value, run: Run): Value {
  if (value !== undefined) return value
  const type = object === null ? 'None' : `${typeName(object)} object`
  return new Undefined(() =>
    typeof key === 'string'
      ? `'${type}' has no attribute '${key}'`
      : `${type} has no element ${repr(key, run.budget)}`,
  )
}

/** `getattr(object, name)` in the sandbox; undefined where there is none. */
export function pythonAttribute(object: Value, name: string, run: Run): Value | undefined {
  const type = typeName(object)
  const field = object instanceof Thing ? object.attribute(name) : undefined
  const method = methods[type]?.get(name)
  const isPrivate = name.startsWith('_') && (field !== undefined || ofAllObjects.test(name))
  if (isPrivate || mutators[type]?.includes(name)) {
    return new Undefined(() => `access to attribute '${name}' of '${type}' object is unsafe.`)
  }
  if (field !== undefined) return field
  if (method === undefined) return undefined
  return new Func(name, ({ positional, named }) => {
    if (object instanceof Markup) return callOnMarkup(method, object.text, positional, named, run)
    if (typeof object === 'string') run.budget.text(object.length)
    const self = typeof object === 'boolean' ? BigInt(object) : object
    return callBuiltin(method, { positional: [self, ...positional], named }, run)
  })
}

/** HTML stays HTML: texts that are put into it are escaped. */
function callOnMarkup(
  method: Builtin,
  self: string,
  positional: readonly Value[],
  named: Args['named'],
  run: Run,
): Value {
  const escaped = (value: Value): Value => (typeof value === 'string' ? markup(value, run.budget) : value)
  const wrapped = (value: Value): Value => {
    if (Array.isArray(value)) return value.map(wrapped)
    if (value instanceof Tuple) return new Tuple(value.items.map(wrapped))
    return typeof value === 'string' ? new Markup(value) : value
  }
  const { name } = method.signature
  let args = positional
  if (name === 'join') args = positional.map((items) => toList(items, run.budget).map(escaped))
  else if (name === 'format' || name === 'replace') {
    args = positional.map((value, i) => (name === 'replace' && i === 0 ? value : escaped(value)))
  }
  run.budget.text(self.length)
  return wrapped(callBuiltin(method, { positional: [self, ...args], named }, run))
}

/** `object[key]` as Python has it; undefined where there is no such item, or no items at all. */
function pythonItem(object: Value, key: Value, run: Run): Value | undefined {
  if (object instanceof Dict) {
    try {
      return object.get(key, run.budget)
    } catch (error) {
      if (error instanceof Fault) return undefined // a key that cannot be one
      throw error
    }
  }
  if (object instanceof Blocks)
    return asText(key) === undefined ? undefined : object.item(asText(key) as string)
  const index = typeof key === 'bigint' || typeof key === 'boolean' ? Number(key) : undefined
  const items = index === undefined ? undefined : sequenceOf(object, run)
  if (items === undefined || index === undefined) return undefined
  return items.at(index < 0 ? index + items.length : index)
}

interface Items {
  length: number
  at(index: number): Value | undefined
  /** The same kind of value with the items at these places. */
  pick(indices: readonly number[]): Value
}

/** What can be indexed and sliced. */
function sequenceOf(object: Value, run: Run): Items | undefined {
  const text = asText(object)
  if (text !== undefined) {
    run.budget.text(text.length)
    const units = characters(text)
    const wrap = (one: string | undefined) =>
      object instanceof Markup && one !== undefined ? new Markup(one) : one
    return {
      length: units.length,
      at: (index) => wrap(units[index]),
      pick: (indices) => wrap(indices.map((index) => units[index]).join('')) as Value,
    }
  }
  if (Array.isArray(object)) {
    return {
      length: object.length,
      at: (index) => object[index],
      pick: (indices) => indices.map((i) => object[i] as Value),
    }
  }
  if (object instanceof Tuple) {
    const { items } = object
    return {
      length: items.length,
      at: (index) => items[index],
      pick: (indices) => new Tuple(indices.map((i) => items[i] as Value)),
    }
  }
  if (!(object instanceof Range)) return undefined
  const at = (index: number) => (index >= 0 && index < object.length ? object.at(index) : undefined)
  return { length: object.length, at, pick: (indices) => indices.map((index) => object.at(index)) }
}

/** `object[start:stop:step]`. */
export function sliceOf(object: Value, bounds: readonly (Value | undefined)[], run: Run): Value {
  if (object instanceof Undefined) throw new Fault(object.describe())
  const items = sequenceOf(object, run)
  if (items === undefined) throw new Fault(`'${typeName(object)}' object cannot be sliced`)
  const [start, stop, step] = bounds.map((bound) =>
    bound === undefined || bound === null ? undefined : intOf(bound),
  )
  const by = step ?? 1
  if (by === 0) throw new Fault('slice step cannot be zero')
  const { length } = items
  const [lowest, highest] = by > 0 ? [0, length] : [-1, length - 1]
  const place = (bound: number | undefined, none: number) => {
    if (bound === undefined) return none
    return Math.min(Math.max(bound < 0 ? bound + length : bound, lowest), highest)
  }
  const first = place(start, by > 0 ? lowest : highest)
  const end = place(stop, by > 0 ? highest : lowest)
  if (by === 1 && typeof object === 'string' && length === object.length) {
    run.budget.text(Math.max(0, end - first))
    return object.slice(first, Math.max(first, end))
  }
  const count = Math.max(0, Math.ceil((end - first) / by))
  run.budget.list(count)
  const indices = Array.from({ length: count }, (_, i) => first + i * by)
  if (object instanceof Range) return slicedRange(object, first, count, by)
  return items.pick(indices)
}

function slicedRange(range: Range, first: number, count: number, by: number): Range {
  const step = range.step * BigInt(by)
  const start = range.at(first)
  return new Range(start, start + BigInt(count) * step, step, count)
}
