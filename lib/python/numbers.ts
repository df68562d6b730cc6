import type { Budget } from './budget.js'
import { strip } from './text.js'
import { Fault } from './values.js'

/** The digits of a number as Python reads them: single underscores may stand between them. */
function withoutUnderscores(digits: string): string | undefined {
  return /^_|_$|__/.test(digits) ? undefined : digits.replaceAll('_', '')
}

const prefixes: Record<string, number> = { '0x': 16, '0o': 8, '0b': 2 }
/** As JavaScript wants them before the digits that it reads in one go. */
const prefixOf: Record<number, string> = { 16: '0x', 10: '', 8: '0o', 2: '0b' }
const mostDigits = 4300

/** `int(text, base)`; undefined where it is none. */
export function parseIntText(text: string, base: number, budget: Budget): bigint | undefined {
  const [, sign, unsigned = ''] = /^([-+]?)(.*)$/s.exec(strip(text, 'both').toLowerCase()) ?? []
  const prefixed = prefixes[unsigned.slice(0, 2)]
  const hasPrefix = prefixed !== undefined && (base === 0 || base === prefixed)
  if (base === 0 && !hasPrefix && /^0[0_]*[^0_]/.test(unsigned)) return undefined
  const radix = hasPrefix ? prefixed : base || 10
  const digits = withoutUnderscores(hasPrefix ? unsigned.slice(2).replace(/^_/, '') : unsigned)
  if (digits === undefined || digits === '' || digits.length > mostDigits || radix < 2 || radix > 36)
    return undefined
  const places = Array.from(digits, (digit) => '0123456789abcdefghijklmnopqrstuvwxyz'.indexOf(digit))
  if (places.some((place) => place < 0 || place >= radix)) return undefined
  const prefix = prefixOf[radix]
  let value = 0n
  if (prefix !== undefined) value = BigInt(prefix + digits)
  else {
    budget.spend(digits.length ** 2 / 256)
    for (const place of places) value = value * BigInt(radix) + BigInt(place)
  }
  return sign === '-' ? -value : value
}

/** `float(text)`; undefined where it is none. */
export function parseFloatText(text: string): number | undefined {
  const written = strip(text, 'both').toLowerCase()
  const word = /^([-+]?)(inf|infinity|nan)$/.exec(written)
  if (word !== null) return word[2] === 'nan' ? Number.NaN : word[1] === '-' ? -Infinity : Infinity
  if (written.split(/[-+.e]/).some((piece) => withoutUnderscores(piece) === undefined)) return undefined
  const plain = written.replaceAll('_', '')
  return /^[-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:e[-+]?\d+)?$/.test(plain) ? Number(plain) : undefined
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
