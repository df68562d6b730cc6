import type { Budget } from './budget.js'
import { markup } from './markup.js'
import { toFloat } from './numbers.js'
import { percentFormat } from './percent.js'
import { largest } from './print.js'
import { asNumber, asText, Fault, Markup, refuseUndefined, Tuple, typeName, type Value } from './values.js'

/** An int that is not too long. */
export function checked(value: bigint, budget: Budget): bigint {
  budget.spend(1)
  if (value > -largest && value < largest) return value
  throw new Fault('this integer has more than 4300 digits')
}

/** Exact for all ints: shifted so that the quotient has more bits than a float, the last of which says whether there are others. */
function divideInts(a: bigint, b: bigint): number {
  if (a === 0n) return b < 0n ? -0 : 0
  const bits = (value: bigint) => value.toString(16).length * 4
  const shift = Math.max(0, 70 - (bits(a) - bits(b)))
  const scaled = a << BigInt(shift)
  const quotient = scaled / b
  const sticky = quotient * b === scaled ? quotient : (quotient << 1n) | 1n
  const down = quotient * b === scaled ? shift : shift + 1
  const result = Number(sticky) * 2 ** -Math.min(down, 1000) * 2 ** -Math.max(0, down - 1000)
  if (!Number.isFinite(result)) throw new Fault('integer division result too large for a float')
  return result
}

function floorInts(a: bigint, b: bigint): bigint {
  const quotient = a / b
  return quotient * b !== a && a < 0n !== b < 0n ? quotient - 1n : quotient
}

function floorFloats(a: number, b: number): number {
  const rest = a % b
  const quotient = (a - rest) / b - (rest !== 0 && rest < 0 !== b < 0 ? 1 : 0)
  if (quotient === 0) return a / b < 0 || Object.is(a / b, -0) ? -0 : 0
  const floor = Math.floor(quotient)
  return quotient - floor > 0.5 ? floor + 1 : floor
}

function moduloFloats(a: number, b: number): number {
  const rest = a % b
  if (rest === 0) return b < 0 ? -0 : 0
  return rest < 0 !== b < 0 ? rest + b : rest
}

function powerInts(a: bigint, b: bigint, budget: Budget): Value {
  if (b < 0n) {
    if (a === 0n) throw new Fault('0.0 cannot be raised to a negative power')
    return divideInts(1n, powerInts(a, -b, budget) as bigint)
  }
  const size = a < 0n ? -a : a
  if (size > 1n && (b > 20_000n || Number(b) * (size.toString(2).length - 1) > 15_000)) {
    throw new Fault('this integer has more than 4300 digits')
  }
  budget.spend(Number(size > 1n ? b : 0n) >> 4)
  return checked(size > 1n || b === 0n ? a ** b : b % 2n === 0n ? size : a, budget)
}

function powerFloats(a: number, b: number): number {
  if (a === 0 && b < 0) throw new Fault('0.0 cannot be raised to a negative power')
  if (a < 0 && Number.isFinite(a) && Number.isFinite(b) && !Number.isInteger(b)) {
    throw new Fault('complex numbers are not supported here')
  }
  if (a === 1 || (a === -1 && !Number.isFinite(b) && !Number.isNaN(b))) return 1
  const result = a ** b
  if (Math.abs(result) === Infinity && Number.isFinite(a) && Number.isFinite(b))
    throw new Fault('Result too large')
  return result
}

function divisor<T extends bigint | number>(value: T): T {
  if (Number(value) === 0) throw new Fault('division by zero')
  return value
}

interface Arithmetic {
  ints: (a: bigint, b: bigint, budget: Budget) => Value
  floats: (a: number, b: number) => number
}

const arithmetic: Record<string, Arithmetic> = {
  '+': { ints: (a, b) => a + b, floats: (a, b) => a + b },
  '-': { ints: (a, b) => a - b, floats: (a, b) => a - b },
  '*': { ints: (a, b) => a * b, floats: (a, b) => a * b },
  '/': { ints: (a, b) => divideInts(a, divisor(b)), floats: (a, b) => a / divisor(b) },
  '//': { ints: (a, b) => floorInts(a, divisor(b)), floats: (a, b) => floorFloats(a, divisor(b)) },
  '%': { ints: (a, b) => a - floorInts(a, divisor(b)) * b, floats: (a, b) => moduloFloats(a, divisor(b)) },
  '**': { ints: powerInts, floats: powerFloats },
}

/** Work on ints that no processor has grows with their digits. */
const isLong = (value: bigint) => value > 1n << 64n || value < -(1n << 64n)

/** `left operator right`. */
export function binary(operator: string, left: Value, right: Value, budget: Budget): Value {
  const a = asNumber(left)
  const b = asNumber(right)
  if (a !== undefined && b !== undefined) {
    const { ints, floats } = arithmetic[operator] as Arithmetic
    if (typeof a === 'number' || typeof b === 'number') return floats(toFloat(a), toFloat(b))
    if (isLong(a) || isLong(b)) budget.spend(64)
    const result = ints(a, b, budget)
    return typeof result === 'bigint' ? checked(result, budget) : result
  }
  if (operator === '%' && asText(left) !== undefined) return percentFormat(left, right, budget)
  refuseUndefined(left, right)
  if (operator === '+') return add(left, right, budget)
  if (operator === '*') {
    if (typeof a === 'bigint') return repeat(right, a, budget)
    if (typeof b === 'bigint') return repeat(left, b, budget)
  }
  return unsupported(operator, left, right)
}

function unsupported(operator: string, left: Value, right: Value): never {
  throw new Fault(`unsupported operand types for ${operator}: '${typeName(left)}' and '${typeName(right)}'`)
}

function add(left: Value, right: Value, budget: Budget): Value {
  const a = asText(left)
  const b = asText(right)
  if (a !== undefined && b !== undefined) {
    budget.text(a.length + b.length)
    return left instanceof Markup || right instanceof Markup
      ? new Markup(markup(left, budget) + markup(right, budget))
      : a + b
  }
  if (Array.isArray(left) && Array.isArray(right)) {
    budget.list(left.length + right.length)
    return [...left, ...right]
  }
  if (left instanceof Tuple && right instanceof Tuple) {
    budget.list(left.items.length + right.items.length)
    return new Tuple([...left.items, ...right.items])
  }
  return unsupported('+', left, right)
}

function repeat(value: Value, times: bigint, budget: Budget): Value {
  const count = times < 0n ? 0 : Math.min(Number(times), Number.MAX_SAFE_INTEGER)
  const text = asText(value)
  if (text !== undefined) {
    budget.text(text.length * count)
    return value instanceof Markup ? new Markup(text.repeat(count)) : text.repeat(count)
  }
  const items = Array.isArray(value)
    ? value
    : value instanceof Tuple
      ? value.items
      : unsupported('*', value, times)
  budget.list(items.length * count)
  const repeated = Array.from({ length: items.length * count }, (_, i) => items[i % items.length] as Value)
  return Array.isArray(value) ? repeated : new Tuple(repeated)
}

export const negative = (value: Value): Value => -numberOf(value, 'unary -')
export const positive = (value: Value): Value => numberOf(value, 'unary +')

/** The number that an operation needs. */
export function numberOf(value: Value, operation: string): bigint | number {
  const number = asNumber(value)
  if (number !== undefined) return number
  refuseUndefined(value)
  throw new Fault(`bad operand type for ${operation}: '${typeName(value)}'`)
}
