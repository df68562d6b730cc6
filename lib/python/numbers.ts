import type { Budget } from './budget.js'
import { strip } from './text.js'
import { Fault } from './values.js'

/** The digits of a number as Python reads them: single underscores may stand between them. */
function withoutUnderscores(digits: string): string | undefined {
  return digits.startsWith('_') || digits.endsWith('_') || digits.includes('__')
    ? undefined
    : digits.replaceAll('_', '')
}

const prefixes: Record<string, number> = { '0x': 16, '0o': 8, '0b': 2 }
/** As JavaScript wants them before the digits that it reads in one go. */
const prefixOf: Record<number, string> = { 16: '0x', 10: '', 8: '0o', 2: '0b' }

/** `int(text, base)`; undefined where it is none. */
export function parseIntText(text: string, base: number, budget: Budget): bigint | undefined {
  let digits = strip(text, 'both').toLowerCase()
  const isNegative = digits.startsWith('-')
  if (isNegative || digits.startsWith('+')) digits = digits.slice(1)
  const prefixed = prefixes[digits.slice(0, 2)]
  let radix = base
  if (prefixed !== undefined && (base === 0 || base === prefixed)) {
    radix = prefixed
    digits = digits.slice(digits[2] === '_' ? 3 : 2)
  } else if (base === 0) {
    radix = 10
    if (digits.startsWith('0') && [...digits].some((digit) => digit !== '0' && digit !== '_'))
      return undefined
  }
  const plain = withoutUnderscores(digits)
  if (plain === undefined || plain === '' || plain.length > 4300 || radix < 2 || radix > 36) return undefined
  const prefix = prefixOf[radix]
  if (prefix === undefined) budget.spend(plain.length ** 2 / 256)
  let value = 0n
  for (const digit of plain) {
    const place = '0123456789abcdefghijklmnopqrstuvwxyz'.indexOf(digit)
    if (place < 0 || place >= radix) return undefined
    if (prefix === undefined) value = value * BigInt(radix) + BigInt(place)
  }
  if (prefix !== undefined) value = BigInt(prefix + plain)
  return isNegative ? -value : value
}

/** `float(text)`; undefined where it is none. */
export function parseFloatText(text: string): number | undefined {
  const written = strip(text, 'both').toLowerCase()
  const word = /^([-+]?)(inf|infinity|nan)$/.exec(written)
  if (word !== null) return word[2] === 'nan' ? Number.NaN : word[1] === '-' ? -Infinity : Infinity
  const pieces = written.split(/[-+.e]/)
  if (pieces.some((piece) => withoutUnderscores(piece) === undefined)) return undefined
  const plain = written.replaceAll('_', '')
  return isDecimal(plain) ? Number(plain) : undefined
}

function isDecimal(text: string): boolean {
  let at = 0
  const digits = () => {
    const start = at
    while (at < text.length && (text[at] as string) >= '0' && (text[at] as string) <= '9') at++
    return at - start
  }
  const sign = () => {
    if (text[at] === '-' || text[at] === '+') at++
  }
  sign()
  let count = digits()
  if (text[at] === '.') {
    at++
    count += digits()
  }
  if (count === 0) return false
  if (text[at] === 'e') {
    at++
    sign()
    if (digits() === 0) return false
  }
  return at === text.length
}

/** A float of an int; Python refuses those that are too large. */
export function toFloat(value: bigint | number): number {
  const float = Number(value)
  if (typeof value === 'bigint' && !Number.isFinite(float))
    throw new Fault('int too large to convert to float')
  return float
}

/** Digits that stand for a place in a list; any other text as it is. */
export function placeOrName(text: string): bigint | string {
  return /^[0-9]{1,4300}$/.test(text) ? BigInt(text) : text
}
