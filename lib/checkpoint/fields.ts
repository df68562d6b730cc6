import { QuernError } from '../errors.js'
import { JsonError, type JsonLimits, type JsonObject, type JsonValue } from '../files/json.js'
import { quote } from '../files/quote.js'
import { readJson } from '../files/read-json.js'
import { isInside, type Range } from '../input/range.js'

/**
 * The fields of a JSON object, read with their types. A field that is absent or null gives undefined; one of another type, or out of
 * range, is an error that names the file, the field and what was expected.
 */
export class Fields {
  readonly #entries: JsonObject
  /** The file. */
  readonly #where: string
  readonly #code: 'invalid_config' | 'invalid_index'
  /** What the object is called in the file, from its root on. */
  readonly #path: readonly string[]

  constructor(
    entries: JsonObject,
    where: string,
    code: 'invalid_config' | 'invalid_index' = 'invalid_config',
    path: readonly string[] = [],
  ) {
    this.#entries = entries
    this.#where = where
    this.#code = code
    this.#path = path
  }

  has(key: string): boolean {
    return (this.#entries.get(key) ?? null) !== null
  }

  /** Whether the key is there, even with null: where that says something else than nothing at all. */
  states(key: string): boolean {
    return this.#entries.has(key)
  }

  get isEmpty(): boolean {
    return this.#entries.size === 0
  }

  keys(): IterableIterator<string> {
    return this.#entries.keys()
  }

  integer(key: string, range: Range): number | undefined {
    return this.#integerValue(key, this.#value(key), range)
  }

  requiredInteger(key: string, range: Range): number {
    return this.integer(key, range) ?? this.missing(key)
  }

  /** An integer or a list of integers; a single one gives a list of one. */
  integers(key: string, range: Range): number[] | undefined {
    const value = this.#value(key)
    if (value === undefined) return undefined
    const list = Array.isArray(value) ? value : [value]
    return list.map((item) => this.#integerValue(key, item, range) as number)
  }

  number(key: string, range: Range): number | undefined {
    const value = this.#value(key)
    return value === undefined ? undefined : this.#numberValue(key, value, range)
  }

  requiredNumber(key: string, range: Range): number {
    return this.number(key, range) ?? this.missing(key)
  }

  numbers(key: string, range: Range): number[] | undefined {
    const value = this.#value(key)
    if (value === undefined) return undefined
    if (!Array.isArray(value)) return this.fail(key, 'a list of numbers', value)
    return value.map((item) => this.#numberValue(key, item, range))
  }

  boolean(key: string): boolean | undefined {
    const value = this.#value(key)
    if (value === undefined || typeof value === 'boolean') return value
    return this.fail(key, 'true or false', value)
  }

  string(key: string): string | undefined {
    const value = this.#value(key)
    if (value === undefined || typeof value === 'string') return value
    return this.fail(key, 'a string', value)
  }

  strings(key: string): string[] | undefined {
    const value = this.#value(key)
    if (value === undefined) return undefined
    if (Array.isArray(value) && value.every((item) => typeof item === 'string')) return value
    return this.fail(key, 'a list of strings', value)
  }

  object(key: string): Fields | undefined {
    const value = this.#value(key)
    if (value === undefined) return undefined
    if (value instanceof Map) return new Fields(value, this.#where, this.#code, [...this.#path, key])
    return this.fail(key, 'an object', value)
  }

  requiredObject(key: string): Fields {
    return this.object(key) ?? this.missing(key)
  }

  /** Whether an object is there, whatever is in it. */
  holdsObject(key: string): boolean {
    return this.#entries.get(key) instanceof Map
  }

  /** Refuses the field's value. */
  fail(key: string, expected: string, value: unknown = this.#entries.get(key)): never {
    throw new QuernError(
      this.#code,
      `${this.#where}: ${this.#nameOf(key)} must be ${expected}, got ${quote(value)}`,
      {
        value,
      },
    )
  }

  /** Refuses the field since it is not there. */
  missing(key: string): never {
    throw new QuernError(this.#code, `${this.#where}: ${this.#nameOf(key)} is missing`, { value: key })
  }

  /** Refuses what is valid, but asks for something that quern cannot do yet. */
  unsupported(feature: string, hint = ''): never {
    const where = [this.#where, ...(this.#path.length > 0 ? [this.#path.join('.')] : [])].join(': ')
    throw new QuernError('unsupported_model', `${where}: ${feature} not supported yet${hint}`, {
      value: feature,
    })
  }

  #nameOf(key: string): string {
    return quote([...this.#path, key].join('.'))
  }

  #value(key: string): JsonValue | undefined {
    return this.#entries.get(key) ?? undefined
  }

  #integerValue(key: string, value: JsonValue | undefined, range: Range): number | undefined {
    if (value === undefined) return undefined
    if (Number.isSafeInteger(value) && isInside(value as number, range)) return value as number
    return this.fail(key, `an integer ${describe(range)}`, value)
  }

  #numberValue(key: string, value: JsonValue, range: Range): number {
    const number = typeof value === 'bigint' ? Number(value) : value
    if (typeof number === 'number' && isInside(number, range)) return number
    return this.fail(key, `a number ${describe(range)}`, value)
  }
}

/**
 * Reads a small JSON file whose root is an object, as Python's json does: Hugging Face's libraries write these files with it.
 *
 * @throws {QuernError} `missing_file`, `read_error`, `truncated`, or the given code when it is too large, no JSON or no object.
 */
export async function readFields(
  path: string,
  code: 'invalid_config' | 'invalid_index' = 'invalid_config',
  limits: JsonLimits & { maxBytes: number } = { maxBytes: 4 * 1024 * 1024, maxValues: 200_000 },
): Promise<Fields> {
  const refuse = (reason: string): never => {
    throw new QuernError(code, `${path}: ${reason}`, { value: path })
  }
  let root: JsonValue
  try {
    root = await readJson(path, { ...limits, dialect: 'python' })
  } catch (error) {
    if (!(error instanceof JsonError)) throw error
    return refuse(error.kind === 'too_large' ? error.message : `no valid JSON: ${error.message}`)
  }
  return root instanceof Map ? new Fields(root, path, code) : refuse(`expected an object, got ${quote(root)}`)
}

function describe({ min, max, above = false }: Range): string {
  const from = above ? `above ${min}` : `of at least ${min}`
  return max >= Number.MAX_SAFE_INTEGER ? from : `${from} and at most ${max}`
}
