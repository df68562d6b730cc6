import { checked } from './arithmetic.js'
import type { Budget } from './budget.js'
import { type Context, intOf } from './signature.js'
import { characters } from './text.js'
import {
  asText,
  Dict,
  Fault,
  Markup,
  Range,
  refuseUndefined,
  Thing,
  Tuple,
  typeName,
  type Value,
} from './values.js'

/** `object[key]` as Python has it; undefined where there is no such item, or no items at all. */
export function itemOf(object: Value, key: Value, run: Context): Value | undefined {
  if (object instanceof Dict) {
    try {
      return object.get(key, run.budget)
    } catch (error) {
      if (error instanceof Fault) return undefined // a key that cannot be one
      throw error
    }
  }
  const name = asText(key)
  if (name !== undefined) return object instanceof Thing ? object.item(name) : undefined
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
function sequenceOf(object: Value, run: Context): Items | undefined {
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
export function sliceOf(object: Value, bounds: readonly (Value | undefined)[], run: Context): Value {
  refuseUndefined(object)
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
  if (object instanceof Range) return slicedRange(object, first, count, by, run.budget)
  return items.pick(indices)
}

function slicedRange(range: Range, first: number, count: number, by: number, budget: Budget): Range {
  const step = checked(range.step * BigInt(by), budget)
  const start = range.at(first)
  return new Range(start, checked(start + BigInt(count) * step, budget), step, count)
}
