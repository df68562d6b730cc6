import { types } from 'node:util'
import { QuernError } from '../errors.js'
import { show } from './show.js'

type RefusalCode = 'invalid_option' | 'invalid_input' | 'invalid_tokenizer'

/** Values of all kinds, the nested ones too. */
const mostValues = 1_000_000
const mostDepth = 200

/** By copy: what the caller gave. */
const givenValues = new WeakMap<object, unknown>()

/** What the caller gave, where a value is a copy that takeData() made: errors hold that. */
export function given(value: unknown): unknown {
  return typeof value === 'object' && value !== null ? (givenValues.get(value) ?? value) : value
}

/**
 * A copy of what a caller gave. Each member is read once: an accessor or a proxy may answer otherwise the next time, or do anything
 * meanwhile, so what is checked and what is used must be the same copy. What occurs in several places is copied once. Functions stay what
 * they are, but a `toJSON` says what its object is; the copy of a hole is undefined, which every check sees.
 *
 * @throws {QuernError} with the code, for what is no data or has no bounds. What the caller's own code throws stays what it is.
 */
export function takeData<T>(name: string, value: T, code: RefusalCode, most = mostValues): T {
  return new Copying(name, code, most).copy(value, 0) as T
}

/** Whether it is an array; a proxy that was revoked is nothing. */
export function isArray(value: unknown): value is unknown[] {
  return !isRevoked(value) && Array.isArray(value)
}

/** A member, read once. A proxy that is revoked before or meanwhile has none. */
export function readMember(object: object, name: PropertyKey, refuse: () => QuernError): unknown {
  return unlessRevoked(object, () => (object as Record<PropertyKey, unknown>)[name], refuse)
}

/** The names of its members, for a proxy likewise. */
export function namesOf(object: object, refuse: () => QuernError): string[] {
  return unlessRevoked(object, () => Object.keys(object), refuse)
}

function unlessRevoked<T>(object: object, read: () => T, refuse: () => QuernError): T {
  try {
    return read()
  } catch (error) {
    throw error instanceof TypeError && isRevoked(object) ? refuse() : error
  }
}

/** Whether its members are those of its buffer or text, any number for next to nothing. */
export function hasVirtualMembers(value: object): boolean {
  return ArrayBuffer.isView(value) || types.isBoxedPrimitive(value)
}

export function isRevoked(value: unknown): boolean {
  if (!types.isProxy(value)) return false
  try {
    Array.isArray(value) // asks no trap: it throws for this reason alone
    return false
  } catch {
    return true
  }
}

class Copying {
  readonly #name: string
  readonly #code: RefusalCode
  readonly #most: number
  readonly #copies = new Map<object, unknown>()
  readonly #open = new Set<object>()
  #left: number

  constructor(name: string, code: RefusalCode, most: number) {
    this.#name = name
    this.#code = code
    this.#most = most
    this.#left = most
  }

  copy(value: unknown, depth: number): unknown {
    if (typeof value !== 'object' || value === null) return value
    if (this.#copies.has(value)) return this.#copies.get(value)
    if (types.isDate(value)) return new Date(Date.prototype.getTime.call(value))
    if (isRevoked(value)) throw this.#revoked(value)
    if (hasVirtualMembers(value)) throw this.#refuse('plain data', value)
    if (this.#open.has(value)) throw this.#refuse('data that does not hold itself', value)
    if (depth >= mostDepth) throw this.#refuse(`data nested at most ${mostDepth} levels deep`, value)
    this.#open.add(value)
    const copy = isArray(value) ? this.#list(value, depth) : this.#written(value, depth)
    this.#open.delete(value)
    this.#copies.set(value, copy)
    if (typeof copy === 'object' && copy !== null) givenValues.set(copy, value)
    return copy
  }

  #list(value: unknown[], depth: number): unknown[] {
    const length = this.#read(value, 'length')
    if (typeof length !== 'number' || !Number.isInteger(length) || length < 0)
      throw this.#refuse('an array with a length', value)
    this.#spend(length, value)
    const copy: unknown[] = []
    for (let i = 0; i < length; i++) copy.push(this.copy(this.#read(value, i), depth + 1))
    return copy
  }

  /** As JSON has it: what can say of itself what it is there is that here too. */
  #written(value: object, depth: number): unknown {
    const toJson = this.#read(value, 'toJSON')
    if (typeof toJson !== 'function') return this.#object(value, depth)
    if (toJson === Date.prototype.toJSON) throw this.#refuse('plain data', value) // it is no date, it looks like one
    return this.copy(toJson.call(value, ''), depth + 1)
  }

  #object(value: object, depth: number): object {
    const keys = namesOf(value, () => this.#revoked(value))
    this.#spend(keys.length, value)
    // fromEntries, since a key may be __proto__
    return Object.fromEntries(keys.map((key) => [key, this.copy(this.#read(value, key), depth + 1)]))
  }

  #read(object: object, key: PropertyKey): unknown {
    return readMember(object, key, () => this.#revoked(object))
  }

  #revoked(value: unknown): QuernError {
    return this.#refuse('data, no proxy that was revoked', value)
  }

  #spend(values: number, value: unknown): void {
    this.#left -= values
    if (this.#left < 0) throw this.#refuse(`at most ${this.#most} values`, value)
  }

  #refuse(expected: string, value: unknown): QuernError {
    return new QuernError(this.#code, `${this.#name}: expected ${expected}, got ${show(value)}`, { value })
  }
}
