import { QuernError } from '../errors.js'
import { nearestName } from '../nearest-name.js'
import { isRecord } from './is-record.js'
import { isInside, type Range } from './range.js'
import { show } from './show.js'
import { given } from './take-data.js'

/** What other programs call some options. */
const synonyms: Readonly<Record<string, string>> = {
  max_new_tokens: 'maxTokens',
  maxNewTokens: 'maxTokens',
  max_completion_tokens: 'maxTokens',
  maxCompletionTokens: 'maxTokens',
  maxOutputTokens: 'maxTokens',
  num_predict: 'maxTokens',
  n_predict: 'maxTokens',
  repeat_penalty: 'repetitionPenalty',
  repeatPenalty: 'repetitionPenalty',
  stopSequences: 'stop',
  customStopTriggers: 'stop',
  tokenBias: 'logitBias',
  dryRepeatPenalty: 'dry',
  responsePrefix: 'continueFinalMessage',
  functions: 'tools',
  abortSignal: 'signal',
  stopOnAbortSignal: 'keepOnAbort',
  contextSize: 'contextLength',
  num_ctx: 'contextLength',
  n_ctx: 'contextLength',
  chat_template_kwargs: 'templateVariables',
}

/** What a number may be. */
/** Throws `invalid_option` unless the value is absent or a number in the range. */
export function checkNumber(name: string, value: unknown, range: Range): void {
  if (value === undefined) return
  const { min, max, integer = false, above = false } = range
  const fits = typeof value === 'number' && isInside(value, range)
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
  const stranger = isRecord(value)
    ? Object.keys(value).find((member) => !members.includes(member))
    : undefined
  if (isRecord(value) && stranger === undefined) return
  throw invalidOption(name, `an object with ${members.join(', ')}`, value, hintOf(stranger, members))
}

const isAborted = Object.getOwnPropertyDescriptor(AbortSignal.prototype, 'aborted')?.get as () => boolean

/** Throws unless the value is absent or an AbortSignal: having its prototype is not enough. */
export function checkSignal(value: unknown): asserts value is AbortSignal | undefined {
  if (value === undefined) return
  try {
    isAborted.call(value as AbortSignal)
    if (value instanceof AbortSignal) return
  } catch {} // it is none
  throw invalidOption('signal', 'an AbortSignal', value)
}

/** Throws unless the value is absent or a function. */
export function checkCallback(name: string, value: unknown): void {
  if (value !== undefined && typeof value !== 'function') throw invalidOption(name, 'a function', value)
}

/** Throws unless the value is an array of at least one of these names. */
export function checkNames(name: string, value: unknown, names: readonly string[]): void {
  const isList = Array.isArray(value) && value.length > 0
  const strangers: unknown[] = isList ? value.filter((one) => !names.includes(one)) : []
  if (isList && strangers.length === 0) return
  throw invalidOption(name, `an array of ${names.join(', ')}`, value, hintOf(strangers[0], names))
}

/** The error for a value that is none of what was expected, and what to do about it where that is known. */
export function invalidOption(name: string, expected: string, value: unknown, hint = ''): QuernError {
  return new QuernError('invalid_option', `${name}: expected ${expected}, got ${show(value)}${hint}`, {
    value: given(value),
  })
}

/** The name that was probably meant by one that is not supported, as the end of a sentence; nothing where none is near. */
function hintOf(name: unknown, supported: readonly string[]): string {
  if (typeof name !== 'string') return ''
  const meant = (Object.hasOwn(synonyms, name) ? synonyms[name] : undefined) ?? nearestName(name, supported)
  return meant !== undefined && supported.includes(meant) ? `: did you mean '${meant}'?` : ''
}

export function unsupportedOption(
  call: string,
  name: string,
  supported: readonly string[],
  value: unknown,
): QuernError {
  const hint = hintOf(name, supported) || '.'
  const message = `${call}() has no option '${name.slice(0, 80)}'${hint} It has ${supported.join(', ')}`
  return new QuernError('unsupported_option', message, { value: given(value) })
}
