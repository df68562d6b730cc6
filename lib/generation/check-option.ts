import { QuernError } from '../errors.js'

/** What a number may be. */
export interface Range {
  min: number
  max: number
  integer?: boolean
  /** The least is excluded. */
  above?: boolean
}

/** Throws `invalid_option` unless the value is absent or a number in the range. */
export function checkNumber(name: string, value: unknown, range: Range): void {
  if (value === undefined) return
  const { min, max, integer = false, above = false } = range
  const fits = typeof value === 'number' && value >= min && value <= max && !(above && value === min)
  if (fits && (!integer || Number.isInteger(value))) return
  const kind = integer ? 'a whole number' : 'a number'
  throw invalidOption(
    name,
    above ? `${kind} above ${min}, at most ${max}` : `${kind} from ${min} to ${max}`,
    value,
  )
}

/** Throws unless the value is a plain object with these members alone. */
export function checkMembers(name: string, value: unknown, members: readonly string[]): void {
  const isObject = typeof value === 'object' && value !== null && !Array.isArray(value)
  if (isObject && Object.keys(value).every((member) => members.includes(member))) return
  throw invalidOption(name, `an object with ${members.join(', ')}`, value)
}

export function invalidOption(name: string, expected: string, value: unknown): QuernError {
  return new QuernError('invalid_option', `${name}: expected ${expected}, got ${show(value)}`, { value })
}

export function unsupportedOption(
  call: string,
  name: string,
  supported: readonly string[],
  value: unknown,
): QuernError {
  const message = `${call}() does not support the option '${name}' yet; it supports ${supported.join(', ')}`
  return new QuernError('unsupported_option', message, { value })
}

function show(value: unknown): string {
  return (typeof value === 'object' || typeof value === 'string' ? json(value) : String(value)).slice(0, 80)
}

function json(value: unknown): string {
  try {
    return JSON.stringify(value)
  } catch {
    return Object.prototype.toString.call(value)
  }
}
