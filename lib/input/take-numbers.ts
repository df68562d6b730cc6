import { types } from 'node:util'
import { QuernError } from '../errors.js'
import { show } from './show.js'
import { isArray, readMember } from './take-data.js'

/** More tokens than any context holds, and more logits than any vocabulary has. */
const mostNumbers = 2 ** 28

/** Of the class: an array's own `length` may be anything. 0 for one that lost its buffer. */
const typedLength = Object.getOwnPropertyDescriptor(Object.getPrototypeOf(Int32Array.prototype), 'length')
  ?.get as () => number

/**
 * A copy of token ids, from any kind of array. Buffers can shrink, be transferred, or be written to by other threads: nothing but the copy is
 * looked at. Each item is read once.
 *
 * @param checkLength Says of so many that they are too many, before one is read.
 * @throws {QuernError} `invalid_input` for what is no array of numbers, `invalid_token` for what is no whole number of 32 bits.
 */
export function takeTokens(
  name: string,
  tokens: unknown,
  checkLength?: (length: number) => void,
): Int32Array {
  const takeToken = (id: unknown): number => {
    if (Number.isInteger(id) && Math.abs(id as number) < 2 ** 31) return id as number
    throw new QuernError('invalid_token', `${name}: expected token ids, whole numbers, got ${show(id)}`, {
      value: id,
    })
  }
  return takeIds(name, tokens, takeToken, checkLength)
}

/**
 * Says of tokens what the engine would: it never gets millions that it has no room for.
 *
 * @param where What the message begins with.
 * @throws {QuernError} `context_overflow`.
 */
export function checkFits(tokens: number, contextLength: number, where = ''): void {
  if (tokens <= contextLength) return
  throw new QuernError(
    'context_overflow',
    `${where}the prompt has ${tokens} tokens, the context holds ${contextLength}: shorten the prompt, load the model with a larger contextLength where it allows one, or let it go on without an end by contextOverflow: 'sink'`,
    { value: tokens },
  )
}

/** The same with rules of its own for what an id may be, and how many. */
export function takeIds(
  name: string,
  ids: unknown,
  takeId: (id: unknown) => number,
  checkLength: (length: number) => void = () => {},
): Int32Array {
  const isTyped = types.isTypedArray(ids)
  const refuse = () =>
    new QuernError(
      'invalid_input',
      `${name}: expected an array of at most ${mostNumbers} token ids, got ${isTyped ? 'more' : show(ids)}`,
      { value: ids },
    )
  if (!isTyped && !isArray(ids)) throw refuse()
  const length = isTyped ? typedLength.call(ids) : readMember(ids, 'length', refuse)
  if (typeof length !== 'number' || !Number.isInteger(length) || length < 0 || length > mostNumbers)
    throw refuse()
  checkLength(length)
  const copy = allocate(name, () => new Int32Array(length))
  if (types.isProxy(ids)) for (let i = 0; i < length; i++) copy[i] = takeId(readMember(ids, i, refuse))
  else for (let i = 0; i < length; i++) copy[i] = takeId((ids as unknown[])[i])
  return copy
}

/**
 * A copy of the numbers of a Float32Array, whatever happens to its buffer.
 *
 * @throws {QuernError} `invalid_input` for what is none, or empty.
 */
export function takeFloats(name: string, floats: unknown): Float32Array {
  const length = types.isFloat32Array(floats) ? typedLength.call(floats) : 0
  if (!types.isFloat32Array(floats) || length === 0 || length > mostNumbers) {
    throw new QuernError(
      'invalid_input',
      `${name}: expected a Float32Array with a number for each token, got ${show(floats)}`,
      { value: floats },
    )
  }
  const copy = allocate(name, () => new Float32Array(length))
  for (let i = 0; i < length; i++) copy[i] = floats[i] as number
  return copy
}

function allocate<T>(name: string, make: () => T): T {
  try {
    return make()
  } catch (cause) {
    throw new QuernError('out_of_memory', `${name}: no memory for a copy: ${(cause as Error).message}`, {
      cause,
    })
  }
}
