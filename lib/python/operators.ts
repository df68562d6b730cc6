import type { Budget } from './budget.js'
import { characters, compareTexts, search } from './text.js'
import {
  asNumber,
  asText,
  Dict,
  Fault,
  Markup,
  Range,
  refuseUndefined,
  Thing,
  Tuple,
  typeName,
  Undefined,
  type Value,
  View,
} from './values.js'

/** `a == b`. */
export function equal(a: Value, b: Value, budget: Budget): boolean {
  budget.spend(1)
  if (typeof a === 'string' && typeof b === 'string') {
    budget.text(Math.min(a.length, b.length))
    return a === b
  }
  const x = asNumber(a)
  const y = asNumber(b)
  if (x !== undefined && y !== undefined)
    return typeof x === typeof y ? x === y : !(x < y) && !(x > y) && !Number.isNaN(x) && !Number.isNaN(y)
  if (a instanceof Markup || b instanceof Markup) {
    return asText(a) !== undefined && asText(a) === asText(b)
  }
  if (a instanceof Undefined) return b instanceof Undefined
  if (a instanceof Tuple && b instanceof Tuple) return equalItems(a.items, b.items, budget)
  if (Array.isArray(a) && Array.isArray(b)) return equalItems(a, b, budget)
  if (a instanceof Range && b instanceof Range) {
    return a.key === b.key
  }
  if (a instanceof Dict && b instanceof Dict) {
    if (a === b) return true
    budget.enter()
    const isEqual =
      a.size() === b.size() &&
      all(a.entries, ([hash, [, value]]) => {
        const other = b.entries.get(hash)
        return other !== undefined && equal(value, other[1], budget)
      })
    budget.leave()
    return isEqual
  }
  if (isSetLike(a) && isSetLike(b)) {
    return a.size() === b.size() && all(a.iterate(), (item) => contains(b, item, budget))
  }
  return a === b
}

/** Views of keys and items compare as sets. */
function isSetLike(value: Value): value is View {
  return value instanceof View && value.type !== 'dict_values'
}

/** Looks at no more items than it must. */
function all<T>(items: Iterable<T>, test: (item: T) => boolean): boolean {
  for (const item of items) if (!test(item)) return false
  return true
}

function equalItems(a: readonly Value[], b: readonly Value[], budget: Budget): boolean {
  if (a === b) return true
  budget.enter()
  const isEqual = a.length === b.length && a.every((item, i) => equal(item, b[i] as Value, budget))
  budget.leave()
  return isEqual
}

/** Negative where `a < b`, positive where `a > b`, NaN where neither and not equal. */
export function compare(operator: string, a: Value, b: Value, budget: Budget): number {
  budget.spend(1)
  const x = asNumber(a)
  const y = asNumber(b)
  if (x !== undefined && y !== undefined) return x < y ? -1 : x > y ? 1 : equal(x, y, budget) ? 0 : Number.NaN
  const s = asText(a)
  const t = asText(b)
  if (s !== undefined && t !== undefined) {
    budget.text(Math.min(s.length, t.length))
    return compareTexts(s, t)
  }
  if (Array.isArray(a) && Array.isArray(b)) return compareItems(operator, a, b, budget)
  if (a instanceof Tuple && b instanceof Tuple) return compareItems(operator, a.items, b.items, budget)
  if (isSetLike(a) && isSetLike(b)) {
    const isWithin = (one: View, other: View) =>
      [...one.iterate()].every((item) => contains(other, item, budget))
    const difference = a.size() - b.size()
    return (difference <= 0 ? isWithin(a, b) : isWithin(b, a)) ? difference : Number.NaN
  }
  refuseUndefined(a, b)
  throw new Fault(`'${operator}' not supported between instances of '${typeName(a)}' and '${typeName(b)}'`)
}

function compareItems(operator: string, a: readonly Value[], b: readonly Value[], budget: Budget): number {
  budget.enter()
  const index = a.findIndex((item, i) => i >= b.length || !equal(item, b[i] as Value, budget))
  const order =
    index < 0 || index >= b.length
      ? a.length - b.length
      : compare(operator, a[index] as Value, b[index] as Value, budget)
  budget.leave()
  return order
}

type Comparison = (left: Value, right: Value, budget: Budget) => boolean

const comparisons: Readonly<Record<string, Comparison>> = {
  '==': equal,
  '!=': (left, right, budget) => !equal(left, right, budget),
  '<': (left, right, budget) => compare('<', left, right, budget) < 0,
  '<=': (left, right, budget) => compare('<=', left, right, budget) <= 0,
  '>': (left, right, budget) => compare('>', left, right, budget) > 0,
  '>=': (left, right, budget) => compare('>=', left, right, budget) >= 0,
  in: (left, right, budget) => contains(right, left, budget),
  'not in': (left, right, budget) => !contains(right, left, budget),
}

/** `left operator right` of comparisons. */
export function holds(operator: string, left: Value, right: Value, budget: Budget): boolean {
  return (comparisons[operator] as Comparison)(left, right, budget)
}

/** `item in container`. */
export function contains(container: Value, item: Value, budget: Budget): boolean {
  const text = asText(container)
  if (text !== undefined) {
    const part = asText(item)
    if (part === undefined)
      throw new Fault(`'in <string>' requires string as left operand, not ${typeName(item)}`)
    return search(text, part, 0, budget) >= 0
  }
  if (container instanceof Dict) return container.get(item, budget) !== undefined
  if (container instanceof View && container.type === 'dict_keys')
    return contains(container.dict, item, budget)
  for (const one of iterate(container, budget)) if (equal(one, item, budget)) return true
  return false
}

/** What a loop over a value goes through. */
export function iterate(value: Value, budget: Budget): Iterable<Value> {
  const text = asText(value)
  if (text !== undefined) {
    budget.characters(text.length)
    return characters(text)
  }
  if (Array.isArray(value)) {
    budget.list(value.length)
    return value
  }
  const items = value instanceof Thing ? value.iterate() : undefined
  if (items === undefined) throw new Fault(`'${typeName(value)}' object is not iterable`)
  return counted(items, budget)
}

export function isIterable(value: Value): boolean {
  if (value instanceof Thing) return value instanceof Markup || value.iterate() !== undefined
  return typeof value === 'string' || Array.isArray(value)
}

function counted(items: Iterable<Value>, budget: Budget): Iterable<Value> {
  const iterator = items[Symbol.iterator]()
  const next = () => {
    budget.spend(1)
    return iterator.next()
  }
  return { [Symbol.iterator]: () => ({ next }) }
}

export function toList(value: Value, budget: Budget): Value[] {
  const items = Array.from(iterate(value, budget))
  budget.list(items.length)
  return items
}
