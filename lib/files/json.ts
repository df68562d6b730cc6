import { quote } from './quote.js'

/** An object as a Map: keys keep their order, and a key such as `__proto__` is a key like any other. */
export type JsonObject = Map<string, JsonValue>

/** A JSON value. An integer outside ±(2^53 − 1) that fits in 20 digits is a bigint, so that it can't pass for a nearby number. */
export type JsonValue = null | boolean | number | bigint | string | JsonValue[] | JsonObject

/** How much a text may hold. */
export interface JsonLimits {
  /** Bytes of the text. Default 16 MiB. */
  maxBytes?: number
  /** Nested lists and objects, the outermost counted. Default 64. */
  maxDepth?: number
  /** Values of all kinds, the nested ones too: what bounds memory. Default one million. */
  maxValues?: number
}

/** How a text is read. */
export interface JsonOptions extends JsonLimits {
  /**
   * 'strict' (default): as headers are read. 'python': as Python's json reads and writes configs, which is to say that of a key that is
   * there twice the last value counts, that NaN, Infinity and -Infinity are numbers, that a number too large for a double is infinite,
   * and that half of a surrogate pair may stand in a string.
   */
  dialect?: 'strict' | 'python'
}

/** Why a text is not the JSON that was asked for. */
export class JsonError extends Error {
  override readonly name = 'JsonError'
  readonly kind: 'syntax' | 'utf8' | 'duplicate' | 'too_large'
  /** The depth of the object that has a key twice; 1 is the outermost. */
  readonly depth: number

  constructor(kind: JsonError['kind'], message: string, depth = 0) {
    super(message)
    this.kind = kind
    this.depth = depth
  }
}

/**
 * Reads JSON that may have been written by an enemy. Stricter than `JSON.parse`: bytes must be UTF-8, size, depth and number of values are
 * bounded, and unless the dialect says otherwise no object may have a key twice, numbers must be finite, and strings must be Unicode (no
 * half of a surrogate pair).
 *
 * @throws {JsonError} always and only, when the text is refused.
 * @example
 * ```ts
 * const header = parseJson(bytes, { maxDepth: 4 })
 * ```
 */
export function parseJson(bytes: Uint8Array, options: JsonOptions = {}): JsonValue {
  const { maxBytes = 16 * 1024 * 1024, maxDepth = 64, maxValues = 1_000_000, dialect = 'strict' } = options
  if (bytes.byteLength > maxBytes) {
    throw new JsonError('too_large', `${bytes.byteLength} bytes, at most ${maxBytes} are read`)
  }
  let text: string
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    throw new JsonError('utf8', 'not UTF-8')
  }
  return new Parser(text, maxDepth, maxValues, dialect === 'python').document()
}

// Sticky, so that a match is tried at the parser's position only; both are linear.
// biome-ignore lint/suspicious/noControlCharactersInRegex: JSON's strings end at them.
const plainCharacters = /[^"\\\u0000-\u001f]*/y
const numberLiteral = /-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?/y
const loneSurrogate = /\p{Surrogate}/u
const hexDigits = /^[0-9a-fA-F]{4}$/

/** As Python's json writes them. */
const notFinite = [
  ['NaN', Number.NaN],
  ['Infinity', Number.POSITIVE_INFINITY],
  ['-Infinity', Number.NEGATIVE_INFINITY],
] as const

const escapes: Readonly<Record<string, string>> = {
  '"': '"',
  '\\': '\\',
  '/': '/',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
}

class Parser {
  private position = 0
  private values = 0
  private readonly text: string
  private readonly maxDepth: number
  private readonly maxValues: number
  private readonly python: boolean

  constructor(text: string, maxDepth: number, maxValues: number, python: boolean) {
    this.text = text
    this.maxDepth = maxDepth
    this.maxValues = maxValues
    this.python = python
  }

  document(): JsonValue {
    const value = this.value(1)
    this.skipSpace()
    if (this.position < this.text.length) throw this.syntax('the end of the text')
    return value
  }

  private value(depth: number): JsonValue {
    if (++this.values > this.maxValues) throw new JsonError('too_large', `more than ${this.maxValues} values`)
    this.skipSpace()
    switch (this.text[this.position]) {
      case '{':
        return this.object(depth)
      case '[':
        return this.list(depth)
      case '"':
        return this.string()
      case 't':
        return this.word('true', true)
      case 'f':
        return this.word('false', false)
      case 'n':
        return this.word('null', null)
      default:
        return (this.python ? this.notFinite() : undefined) ?? this.number()
    }
  }

  private object(depth: number): JsonObject {
    this.enter(depth)
    const object: JsonObject = new Map()
    if (this.take('}')) return object
    do {
      this.skipSpace()
      if (this.text[this.position] !== '"') throw this.syntax('a key in quotes')
      const key = this.string()
      if (object.has(key) && !this.python)
        throw new JsonError('duplicate', `the key ${quote(key)} is there twice`, depth)
      if (!this.take(':')) throw this.syntax('a colon')
      object.set(key, this.value(depth + 1))
    } while (this.take(','))
    if (!this.take('}')) throw this.syntax("',' or '}'")
    return object
  }

  private list(depth: number): JsonValue[] {
    this.enter(depth)
    const list: JsonValue[] = []
    if (this.take(']')) return list
    do list.push(this.value(depth + 1))
    while (this.take(','))
    if (!this.take(']')) throw this.syntax("',' or ']'")
    return list
  }

  private enter(depth: number) {
    if (depth > this.maxDepth) throw new JsonError('too_large', `nested deeper than ${this.maxDepth}`)
    this.position++
  }

  private string(): string {
    let start = ++this.position
    let result = ''
    for (;;) {
      plainCharacters.lastIndex = start
      plainCharacters.test(this.text)
      this.position = plainCharacters.lastIndex
      const part = this.text.slice(start, this.position)
      const next = this.text[this.position]
      if (next === '"') {
        this.position++
        if (result === '') return part
        result += part
        if (loneSurrogate.test(result) && !this.python) throw this.syntax('whole surrogate pairs')
        return result
      }
      if (next !== '\\') throw this.syntax('the end of a string')
      result += part + this.escape()
      start = this.position
    }
  }

  private escape(): string {
    const letter = this.text[this.position + 1] ?? ''
    if (letter === 'u') {
      const digits = this.text.slice(this.position + 2, this.position + 6)
      if (!hexDigits.test(digits)) throw this.syntax('four hexadecimal digits')
      this.position += 6
      return String.fromCharCode(Number.parseInt(digits, 16))
    }
    const character = Object.hasOwn(escapes, letter) ? escapes[letter] : undefined
    if (character === undefined) throw this.syntax('an escape of JSON')
    this.position += 2
    return character
  }

  private notFinite(): number | undefined {
    for (const [word, value] of notFinite)
      if (this.text.startsWith(word, this.position)) return this.word(word, value)
    return undefined
  }

  private number(): number | bigint {
    return this.shortInteger() ?? this.anyNumber()
  }

  /** At most 15 digits, as nearly all numbers of a header are; the general way takes several times as long. */
  private shortInteger(): number | undefined {
    const { text, position } = this
    let end = position
    let value = 0
    for (; end < position + 16; end++) {
      const code = text.charCodeAt(end)
      if (code >= 0x30 && code <= 0x39) {
        value = value * 10 + code - 0x30
        continue
      }
      const isWhole = code !== 0x2e && code !== 0x65 && code !== 0x45 // . e E
      const leadingZero = end > position + 1 && text[position] === '0'
      if (end === position || !isWhole || leadingZero) return undefined
      this.position = end
      return value
    }
    return undefined
  }

  private anyNumber(): number | bigint {
    numberLiteral.lastIndex = this.position
    const match = numberLiteral.exec(this.text)
    if (match === null) throw this.syntax('a value')
    const literal = match[0]
    const value = Number(literal)
    if (!Number.isFinite(value) && !this.python) throw this.syntax('a number that a double holds')
    this.position += literal.length
    const isInteger = match[1] === undefined && match[2] === undefined
    if (isInteger && !Number.isSafeInteger(value) && literal.length <= 20) return BigInt(literal)
    return value
  }

  private word<T>(word: string, value: T): T {
    if (!this.text.startsWith(word, this.position)) throw this.syntax('a value')
    this.position += word.length
    return value
  }

  /** Skips space; then, if the next character is the given one, that too. */
  private take(character: string): boolean {
    this.skipSpace()
    if (this.text[this.position] !== character) return false
    this.position++
    return true
  }

  private skipSpace() {
    for (;;) {
      const code = this.text.charCodeAt(this.position)
      if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) return
      this.position++
    }
  }

  private syntax(expected: string): JsonError {
    const came =
      this.position < this.text.length ? quote(this.text.slice(this.position, this.position + 12)) : 'the end'
    return new JsonError('syntax', `expected ${expected} at character ${this.position}, got ${came}`)
  }
}
