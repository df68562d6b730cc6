import { QuernError } from '../errors.js'
import { show } from '../input/show.js'
import { isArray, isRevoked, readMember } from '../input/take-data.js'
import { checkFits, takeTokens } from '../input/take-numbers.js'
import { takeText } from '../input/take-text.js'
import { encodeText } from '../tokenizer/encode-text.js'
import type { TaskTarget } from './task-target.js'

/**
 * A text, or the ids of its tokens.
 *
 * @example
 * ```ts
 * const inputs: TextInput[] = ['Why is the sky blue?', { tokens: [1, 2, 3] }]
 * ```
 */
export type TextInput = string | { tokens: ArrayLike<number> }

/**
 * One of them or several. A call that takes either gives one answer or an array of them, and where the type does not tell, neither does that
 * of the answer.
 *
 * @example
 * ```ts
 * const inputs: TextInputs = ['Why is the sky blue?', { tokens: [1, 2, 3] }]
 * ```
 */
export type TextInputs = TextInput | readonly TextInput[]

/** A text or tokens as a copy of our own. */
export type TakenText = string | Int32Array

const mostItems = 2 ** 24

/**
 * A text or tokens, each part read once.
 *
 * @param contextLength As many tokens as may be.
 * @throws {QuernError} `invalid_input`, `invalid_token`, `context_overflow`.
 */
export function takeTextInput(
  name: string,
  input: unknown,
  contextLength = Number.POSITIVE_INFINITY,
): TakenText {
  if (typeof input === 'string') return takeText(name, input)
  const refuse = () =>
    new QuernError('invalid_input', `${name}: expected a text or { tokens }, got ${show(input)}`, {
      value: input,
    })
  const isObject = typeof input === 'object' && input !== null && !isRevoked(input)
  const tokens = isObject ? readMember(input, 'tokens', refuse) : undefined
  if (tokens === undefined) throw refuse()
  return takeTokens(`${name}.tokens`, tokens, (length) => checkFits(length, contextLength, `${name}: `))
}

/**
 * The items of a list, each read once.
 *
 * @throws {QuernError} `invalid_input`, and what `take` throws.
 */
export function takeList<T>(name: string, list: unknown, take: (name: string, item: unknown) => T): T[] {
  const refuse = () =>
    new QuernError('invalid_input', `${name}: expected an array of at most ${mostItems}, got ${show(list)}`, {
      value: list,
    })
  if (!isArray(list)) throw refuse()
  const length = readMember(list, 'length', refuse)
  if (typeof length !== 'number' || !Number.isInteger(length) || length < 0 || length > mostItems)
    throw refuse()
  const taken: T[] = []
  for (let i = 0; i < length; i++) taken.push(take(`${name}[${i}]`, readMember(list, i, refuse)))
  return taken
}

/** Tokens that follow each other. */
export function joinTokens(...parts: readonly Int32Array[]): Int32Array {
  const joined = new Int32Array(parts.reduce((sum, { length }) => sum + length, 0))
  let end = 0
  for (const part of parts) {
    joined.set(part, end)
    end += part.length
  }
  return joined
}

/** The tokens of what was taken; a text gets the special tokens that the model's tokenizer puts around it. */
export function tokensOf(text: TakenText, target: TaskTarget): Int32Array | Promise<Int32Array> {
  return typeof text === 'string' ? encodeText(target.tokenizer, text, true) : text
}
