import { binary, numberOf } from './arithmetic.js'
import type { Budget } from './budget.js'
import { roundedQuotient, round as roundFloat } from './decimal.js'
import { parseFloatText, parseIntText, toFloat } from './numbers.js'
import { compare, iterate, toList } from './operators.js'
import { type Context, intOf } from './signature.js'
import { countCharacters } from './text.js'
import {
  asNumber,
  asText,
  Dict,
  Fault,
  Range,
  refuseUndefined,
  sizeOf,
  Tuple,
  typeName,
  Undefined,
  type Value,
  View,
} from './values.js'

// Python's built-in functions.

const mostItems = 100_000

export function abs(_run: Context, x: Value): Value {
  const number = numberOf(x, 'abs()')
  return number < 0 || Object.is(number, -0) ? -number : number
}

export function len(_run: Context, value: Value): bigint {
  const text = asText(value)
  const size = text === undefined ? sizeOf(value) : countCharacters(text)
  if (size === undefined) throw new Fault(`object of type '${typeName(value)}' has no len()`)
  return BigInt(size)
}

/** `int(value)`, or of a text `int(value, base)`; undefined where Python says that it is the wrong value. */
export function int(value: Value, base: number, budget: Budget): bigint | undefined {
  refuseUndefined(value)
  const text = asText(value)
  if (text !== undefined) return parseIntText(text, base, budget)
  const number = asNumber(value)
  if (typeof number !== 'number') return number
  if (Math.abs(number) === Infinity) throw new Fault('cannot convert float infinity to integer')
  return Number.isNaN(number) ? undefined : BigInt(Math.trunc(number))
}

/** `float(value)`; undefined where Python says that it is the wrong value. */
export function float(value: Value): number | undefined {
  refuseUndefined(value)
  const text = asText(value)
  if (text !== undefined) return parseFloatText(text)
  const number = asNumber(value)
  return number === undefined ? undefined : toFloat(number)
}

export function round(value: Value, places: number, budget: Budget): Value {
  const number = numberOf(value, 'round()')
  if (typeof number === 'number') return roundFloat(number, places)
  if (places >= 0) return number
  const unit = binary('**', 10n, BigInt(-places), budget) as bigint
  return number < 0n ? -unit * roundedQuotient(-number, unit) : unit * roundedQuotient(number, unit)
}

export function sum(items: Value, start: Value, get: (item: Value) => Value, budget: Budget): Value {
  if (asText(start) !== undefined) throw new Fault("sum() can't sum strings")
  let total = start
  for (const item of iterate(items, budget)) total = binary('+', total, get(item), budget)
  return total
}

export function sorted<T>(items: T[], key: (item: T) => Value, isReversed: boolean, budget: Budget): T[] {
  const keyed = items.map((item) => ({ item, key: key(item) }))
  const sign = isReversed ? -1 : 1
  keyed.sort((a, b) => sign * compare('<', a.key, b.key, budget))
  return keyed.map(({ item }) => item)
}

/** Items from the last to the first; undefined for what cannot be gone through from its end. */
export function reversed(value: Value, budget: Budget): Value[] | undefined {
  const isReversible =
    asText(value) !== undefined ||
    Array.isArray(value) ||
    [Tuple, Dict, Range, View, Undefined].some((type) => value instanceof type)
  return isReversible ? toList(value, budget).reverse() : undefined
}

export function range(_run: Context, args: readonly Value[]): Range {
  if (args.length < 1 || args.length > 3) throw new Fault('range() takes 1 to 3 arguments')
  const ints = args.map((arg) => (typeof arg === 'bigint' ? arg : BigInt(intOf(arg))))
  const [start = 0n, stop = 0n, step = 1n] = ints.length === 1 ? [0n, ints[0]] : ints
  if (step === 0n) throw new Fault('range() arg 3 must not be zero')
  const distance = step > 0n ? stop - start : start - stop
  const size = step > 0n ? step : -step
  const length = distance > 0n ? (distance + size - 1n) / size : 0n
  if (length > mostItems) throw new Fault(`range() gives at most ${mostItems} items here, not ${length}`)
  return new Range(start, stop, step, Number(length))
}

/** Of a mapping or of pairs, then of names. */
export function dict(run: Context, args: readonly Value[], named: Dict): Dict {
  if (args.length > 1) throw new Fault(`dict expected at most 1 argument, got ${args.length}`)
  const made = new Dict()
  const [source] = args
  if (source instanceof Dict) {
    run.budget.list(source.size() * 4)
    for (const [hash, entry] of source.entries) made.entries.set(hash, entry)
  } else if (source !== undefined) {
    for (const item of toList(source, run.budget)) {
      const [key, value, ...more] = toList(item, run.budget)
      if (key === undefined || value === undefined || more.length > 0) throw new Fault('dict() wants pairs')
      made.set(key, value, run.budget)
    }
  }
  for (const [key, value] of named.entries.values()) made.set(key, value, run.budget)
  return made
}
