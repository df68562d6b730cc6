import { checked } from './arithmetic.js'
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
  const place = index < 0 ? index + items.length : index
  if (items instanceof Range) return place >= 0 && place < items.length ? items.at(place) : undefined
  const item = items[place]
  return object instanceof Markup && item !== undefined ? like(object, [item]) : item
}

/** What can be indexed and sliced. */
function sequenceOf(object: Value, run: Context): ArrayLike<Value> | Range | undefined {
  if (Array.isArray(object) || object instanceof Range) return object
  if (object instanceof Tuple) return object.items
  const text = asText(object)
  run.budget.text(text?.length ?? 0)
  return text === undefined ? undefined : characters(text)
}

/** Some of the items of a sequence, as the same kind of value. */
function like(object: Value, items: Value[]): Value {
  if (Array.isArray(object)) return items
  if (object instanceof Tuple) return new Tuple(items)
  return object instanceof Markup ? new Markup(items.join('')) : items.join('')
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
  if (items instanceof Range) {
    const [from, to, inner] = [items.at(first), items.at(end), items.step * BigInt(by)]
    return new Range(from, checked(to, run.budget), checked(inner, run.budget), count)
  }
  return like(
    object,
    Array.from({ length: count }, (_, i) => items[first + i * by] as Value),
  )
}
