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
  /** Values of all kinds, the nested ones too, an object counting as eight: what bounds memory. Default one million. */
  maxValues?: number
  /** Members of one object: a table of millions grows in steps that take longer than the event loop may wait. Default 500,000. */
  maxMembers?: number
}

/** How a text is read. */
export interface JsonOptions extends JsonLimits {
  /**
   * 'strict' (default): as headers are read. 'python': as Python's json reads and writes configs, which is to say that of a key that is
   * there twice the last value counts, that NaN, Infinity and -Infinity are numbers, that a number too large for a double is infinite,
   * and that half of a surrogate pair may stand in a string.
   */
  dialect?: 'strict' | 'python'
  /** Plain objects instead of Maps, with numbers as `JSON.parse` makes them; of a key that is there twice the last value counts. */
  plain?: boolean
  /** With `plain`: members of this name are Maps all the same. */
  mapKey?: string
  /** Takes the members of the outermost object as they come: they are not kept. */
  onMember?: ((key: string, value: JsonValue) => void) | undefined
}

/** With defaults; the text's length is its reader's business. */
type AllOptions = Required<Omit<JsonOptions, 'maxBytes' | 'mapKey' | 'onMember'>> &
  Pick<JsonOptions, 'mapKey' | 'onMember'>

/** What is not said is as at `parseJson`. */
export function withDefaults(options: JsonOptions): AllOptions {
  const defaults = {
    maxDepth: 64,
    maxValues: 1_000_000,
    maxMembers: 500_000,
    dialect: 'strict',
    plain: false,
  }
  return { ...defaults, ...options } as AllOptions
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
