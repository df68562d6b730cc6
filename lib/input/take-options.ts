import { QuernError } from '../errors.js'
import { unsupportedOption } from './check-option.js'
import { show } from './show.js'
import { hasVirtualMembers, isArray, isRevoked, namesOf, readMember, takeData } from './take-data.js'

/**
 * The options of a call, as a copy that nobody else can change: each is read once, and what they hold is copied. `live` names those that
 * are no data: functions, signals, objects of ours.
 *
 * @throws {QuernError} `invalid_option` for what are no options, `unsupported_option` for names that the call does not know.
 */
export function takeOptions<T extends object>(
  call: string,
  options: T,
  known: readonly string[],
  live: readonly string[] = [],
): T {
  const refuse = () => refusal(call, options)
  expectObject(call, options)
  for (const name of namesOf(options, refuse)) {
    if (known.includes(name)) continue
    const value = readMember(options, name, refuse)
    if (value !== undefined) throw unsupportedOption(call, name, known, value)
  }
  const taken: [string, unknown][] = []
  for (const name of known) {
    const value = readMember(options, name, refuse)
    if (value !== undefined)
      taken.push([name, live.includes(name) ? value : takeData(name, value, 'invalid_option')])
  }
  return Object.fromEntries(taken) as T // fromEntries, since a setter of the name may be inherited
}

/** The same for a call that takes members of any name. */
export function takeAnyOptions<T extends object>(call: string, options: T): T {
  expectObject(call, options)
  return takeData(call, options, 'invalid_option')
}

function expectObject(call: string, options: unknown): void {
  const isObject = typeof options === 'object' && options !== null && !isRevoked(options)
  if (!isObject || isArray(options) || hasVirtualMembers(options)) throw refusal(call, options)
}

function refusal(call: string, options: unknown): QuernError {
  return new QuernError('invalid_option', `${call}: expected an object of options, got ${show(options)}`, {
    value: options,
  })
}
