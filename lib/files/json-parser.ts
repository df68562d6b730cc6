import { numberCharactersEnd, numberLiteralAt, numberOf } from './json-number.js'
import { JsonError, type JsonObject, type JsonOptions, type JsonValue, withDefaults } from './json-value.js'
import { quote } from './quote.js'

/** A plain object, where those are wanted. Behind `JsonValue`'s back: whoever asks for plain objects knows. */
type PlainObject = Record<string, unknown>

/** What may come next. */
type Expected = 'a value' | 'a value or ]' | 'a key or }' | 'a key' | 'a colon' | 'a comma' | 'the end'

/** A list or object whose end has not come. */
interface Open {
  container: JsonValue[] | JsonObject | PlainObject
  isList: boolean
  /** Of an object: how many members it has. */
  members: number
  /** Of an object: the key whose value comes next. */
  key: string
}

const loneSurrogate = /\p{Surrogate}/u
const hexDigits = /^[0-9a-fA-F]{4}$/
/** As Python's json writes them. */
const notFinite: Readonly<Record<string, readonly [string, number]>> = {
  N: ['NaN', Number.NaN],
  I: ['Infinity', Number.POSITIVE_INFINITY],
  '-': ['-Infinity', Number.NEGATIVE_INFINITY],
}
/** No number of a model is longer; the digits of a double end long before. */
const maxNumberCharacters = 1000
/** An object takes the memory of so many other values. */
const objectWeight = 8

/**
 * JSON's grammar, for text that comes in pieces, cut anywhere. Its work is linear in the text, whatever the pieces, and nothing is recursive.
 * What it accepts is said at `parseJson`.
 */
export class JsonParser {
  /** What has not been read: the last piece, behind the beginning of a number or word that the piece before ended in. */
  #text = ''
  #position = 0
  /** Of the text's first character in the whole. */
  #offset = 0
  #isLast = false
  #expected: Expected = 'a value'
  readonly #open: Open[] = []
  /** The innermost of them. */
  #inside: Open | undefined
  #values = 0
  #root: JsonValue = null
  /** Of a string whose end has not come: what is there of it. */
  #begun: string | undefined
  #hasUnicodeEscapes = false
  readonly #options
  readonly #python: boolean

  constructor(options: JsonOptions) {
    this.#options = withDefaults(options)
    this.#python = options.dialect === 'python'
  }

  push(text: string): void {
    this.#offset += this.#position
    this.#text = this.#text.slice(this.#position) + text
    this.#position = 0
    while (this.#step()) {}
  }

  /** No more text comes. */
  end(): JsonValue {
    this.#isLast = true
    this.push('')
    if (this.#begun !== undefined) throw this.#syntax('the end of a string')
    if (this.#expected === 'the end') return this.#root
    throw this.#syntax(this.#described())
  }

  /** Reads one word of the grammar; false when more text is needed. */
  #step(): boolean {
    if (this.#begun !== undefined) return this.#goOnWithString()
    const text = this.#text
    let code = text.charCodeAt(this.#position)
    while (code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09)
      code = text.charCodeAt(++this.#position)
    if (this.#position >= text.length) return false
    switch (this.#expected) {
      case 'a value or ]':
        if (code === 0x5d) return this.#close()
        return this.#value(code)
      case 'a value':
        return this.#value(code)
      case 'a key or }':
        if (code === 0x7d) return this.#close()
        return this.#key(code)
      case 'a key':
        return this.#key(code)
      case 'a colon':
        if (code !== 0x3a) throw this.#syntax(this.#described())
        this.#position++
        this.#expected = 'a value'
        return true
      case 'a comma':
        return this.#comma(code)
      case 'the end':
        throw this.#syntax('the end of the text')
    }
  }

  #value(code: number): boolean {
    switch (code) {
      case 0x22:
        this.#count()
        return this.#beginString()
      case 0x7b:
        return this.#enter(this.#makesPlain() ? {} : new Map(), false)
      case 0x5b:
        return this.#enter([], true)
      case 0x74:
        return this.#word('true', true)
      case 0x66:
        return this.#word('false', false)
      case 0x6e:
        return this.#word('null', null)
      default:
        return this.#python && this.#isNotFinite() ? this.#notFinite() : this.#number()
    }
  }

  #key(code: number): boolean {
    if (code !== 0x22) throw this.#syntax('a key in quotes')
    this.#expected = 'a key'
    return this.#beginString()
  }

  #comma(code: number): boolean {
    const isList = this.#inside?.isList
    if (code === (isList ? 0x5d : 0x7d)) return this.#close()
    if (code !== 0x2c) throw this.#syntax(this.#described())
    this.#position++
    this.#expected = isList ? 'a value' : 'a key'
    return true
  }

  #makesPlain(): boolean {
    return (
      this.#options.plain &&
      (this.#options.mapKey === undefined || this.#inside?.key !== this.#options.mapKey)
    )
  }

  #enter(container: Open['container'], isList: boolean): boolean {
    this.#count(isList ? 1 : objectWeight)
    if (this.#open.length >= this.#options.maxDepth)
      throw new JsonError('too_large', `nested deeper than ${this.#options.maxDepth}`)
    this.#inside = { container, isList, members: 0, key: '' }
    this.#open.push(this.#inside)
    this.#position++
    this.#expected = isList ? 'a value or ]' : 'a key or }'
    return true
  }

  #close(): boolean {
    const { container } = this.#open.pop() as Open
    this.#inside = this.#open.at(-1)
    this.#position++
    this.#put(container as JsonValue)
    return true
  }

  /** Puts a value where it belongs. */
  #put(value: JsonValue): void {
    this.#expected = 'a comma'
    if (this.#inside === undefined) {
      this.#root = value
      this.#expected = 'the end'
      return
    }
    const { container, key } = this.#inside
    if (Array.isArray(container)) container.push(value)
    else if (this.#options.onMember !== undefined && this.#open.length === 1)
      this.#options.onMember(key, value)
    else if (container instanceof Map) container.set(key, value)
    else if (key !== '__proto__') container[key] = value
    else
      Object.defineProperty(container, key, { value, writable: true, enumerable: true, configurable: true })
  }

  #beginString(): boolean {
    this.#position++
    this.#begun = ''
    this.#hasUnicodeEscapes = false
    return this.#goOnWithString()
  }

  #goOnWithString(): boolean {
    const text = this.#text
    const position = this.#position
    let hasEscapes = false
    let end = position
    let code = text.charCodeAt(end)
    for (; code !== 0x22 && end < text.length; code = text.charCodeAt(++end)) {
      if (code >= 0x20 && code !== 0x5c) continue
      this.#position = end
      if (code !== 0x5c) throw this.#syntax('the end of a string')
      const length = this.#escapeLength()
      if (end + length > text.length) break // the rest of it comes with the next piece
      hasEscapes = true
      end += length - 1
    }
    const part = text.slice(position, end)
    this.#begun += hasEscapes ? (JSON.parse(`"${part}"`) as string) : part
    this.#position = end
    if (code !== 0x22) return false
    this.#position++
    this.#endString()
    return true
  }

  /** Checks an escape as far as it is there; gives the length that it has when it is complete. */
  #escapeLength(): number {
    const text = this.#text
    const position = this.#position
    const letter = text[position + 1]
    if (letter === undefined && !this.#isLast) return 2
    if (letter === 'u') {
      const isThere = this.#isLast || position + 6 <= text.length
      if (isThere && !hexDigits.test(text.slice(position + 2, position + 6)))
        throw this.#syntax('four hexadecimal digits')
      this.#hasUnicodeEscapes = true
      return 6
    }
    if (letter !== undefined && '"\\/bfnrt'.includes(letter)) return 2
    throw this.#syntax('an escape of JSON')
  }

  #endString(): void {
    const string = this.#begun as string
    this.#begun = undefined
    if (this.#hasUnicodeEscapes && !this.#python && loneSurrogate.test(string))
      throw this.#syntax('whole surrogate pairs')
    if (this.#expected !== 'a key') {
      this.#put(string)
      return
    }
    const inside = this.#inside as Open
    if (!this.#options.plain && !this.#python && (inside.container as JsonObject).has(string))
      throw new JsonError('duplicate', `the key ${quote(string)} is there twice`, this.#open.length)
    const isHandedOver = this.#options.onMember !== undefined && this.#open.length === 1
    if (++inside.members > this.#options.maxMembers && !isHandedOver)
      throw new JsonError('too_large', `an object of more than ${this.#options.maxMembers} members`)
    inside.key = string
    this.#expected = 'a colon'
  }

  /** Whether NaN or an infinity may come, as far as the text is there. */
  #isNotFinite(): boolean {
    const letter = this.#text[this.#position] as string
    if (letter !== '-') return letter === 'N' || letter === 'I'
    const next = this.#text[this.#position + 1]
    return next === 'I' || (next === undefined && !this.#isLast)
  }

  #notFinite(): boolean {
    return this.#word(...(notFinite[this.#text[this.#position] as string] as [string, number]))
  }

  #number(): boolean {
    return this.#shortInteger() || this.#anyNumber()
  }

  /** At most 15 digits, as nearly all numbers are; the general way takes several times as long. */
  #shortInteger(): boolean {
    const text = this.#text
    const position = this.#position
    let end = position
    let value = 0
    let code = text.charCodeAt(end)
    for (; code >= 0x30 && code <= 0x39 && end < position + 15; code = text.charCodeAt(++end))
      value = value * 10 + code - 0x30
    const isWhole = code === 0x2c || code === 0x5d || code === 0x7d // , ] }
    const leadingZero = end > position + 1 && text.charCodeAt(position) === 0x30
    if (end === position || !isWhole || leadingZero) return false
    this.#count()
    this.#position = end
    this.#put(value)
    return true
  }

  #anyNumber(): boolean {
    const text = this.#text
    const position = this.#position
    const end = numberCharactersEnd(text, position)
    if (end - position > maxNumberCharacters)
      throw new JsonError('too_large', `a number of more than ${maxNumberCharacters} characters`)
    if (end === text.length && !this.#isLast) return false // another digit may come
    const literal = numberLiteralAt(text, position)
    if (literal === '') throw this.#syntax('a value')
    const value = this.#options.plain ? Number(literal) : numberOf(literal)
    if (!this.#python && typeof value === 'number' && !Number.isFinite(value))
      throw this.#syntax('a number that a double holds')
    this.#count()
    this.#position += literal.length
    this.#put(value)
    return true
  }

  #word(word: string, value: JsonValue): boolean {
    const came = this.#text.slice(this.#position, this.#position + word.length)
    if (came !== word) {
      if (!this.#isLast && word.startsWith(came)) return false
      throw this.#syntax('a value')
    }
    this.#count()
    this.#position += word.length
    this.#put(value)
    return true
  }

  #count(weight = 1): void {
    this.#values += weight
    if (this.#values > this.#options.maxValues)
      throw new JsonError('too_large', `more than ${this.#options.maxValues} values`)
  }

  #described(): string {
    if (this.#expected === 'a comma') return this.#inside?.isList ? "',' or ']'" : "',' or '}'"
    if (this.#expected.startsWith('a key')) return 'a key in quotes'
    return { 'a colon': 'a colon', 'the end': 'the end of the text' }[this.#expected as string] ?? 'a value'
  }

  #syntax(expected: string): JsonError {
    const came =
      this.#position < this.#text.length
        ? quote(this.#text.slice(this.#position, this.#position + 12))
        : 'the end'
    return new JsonError(
      'syntax',
      `expected ${expected} at character ${this.#offset + this.#position}, got ${came}`,
    )
  }
}
