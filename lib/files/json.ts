import { isTurnOver, nextTurn } from '../turn.js'
import { JsonParser } from './json-parser.js'
import { JsonError, type JsonLimits, type JsonOptions, type JsonValue } from './json-value.js'
import { Utf8Pieces } from './utf8-pieces.js'

export {
  JsonError,
  type JsonLimits,
  type JsonObject,
  type JsonOptions,
  type JsonValue,
} from './json-value.js'

/** Of a text that is there as a whole, so much is read between two looks at the clock: a few milliseconds of the slowest texts. */
const stepBytes = 64 * 1024

/**
 * Reads JSON that may have been written by an enemy. Stricter than `JSON.parse`: bytes must be UTF-8, no object may have a key twice,
 * numbers must be finite, strings must be Unicode (no half of a surrogate pair), and size, depth and number of values are bounded.
 *
 * @throws {JsonError} always and only, when the text is refused.
 * @example
 * ```ts
 * const header = parseJson(bytes, { maxDepth: 4 })
 * ```
 */
export function parseJson(bytes: Uint8Array, options: JsonOptions = {}): JsonValue {
  checkSize(bytes.byteLength, options)
  const reading = new Reading(options)
  reading.push(bytes)
  return reading.end()
}

/** The same of a text that is a string already; `maxBytes` counts its UTF-16 units. */
export function parseJsonText(text: string, options: JsonOptions = {}): JsonValue {
  checkSize(text.length, options)
  const parser = new JsonParser(options)
  parser.push(text)
  return parser.end()
}

/**
 * Reads JSON that comes in pieces, of a file or from a peer. The event loop is never held for long, whatever comes; the text is not kept.
 *
 * @throws {JsonError} and what the pieces throw.
 */
export async function parseJsonPieces(
  pieces: AsyncIterable<Uint8Array>,
  options: JsonOptions = {},
): Promise<JsonValue> {
  const reading = new Reading(options)
  let bytes = 0
  for await (const piece of pieces) {
    bytes += piece.byteLength
    checkSize(bytes, options)
    for (let at = 0; at < piece.byteLength; at += stepBytes) {
      reading.push(piece.subarray(at, at + stepBytes))
      if (isTurnOver()) await nextTurn()
    }
  }
  return reading.end()
}

/** Bytes to text to values. */
class Reading {
  readonly #decoder = new Utf8Pieces()
  readonly #parser: JsonParser

  constructor(options: JsonOptions) {
    this.#parser = new JsonParser(options)
  }

  push(bytes: Uint8Array): void {
    this.#parser.push(this.#decode(bytes))
  }

  end(): JsonValue {
    if (this.#decoder.isBetweenCharacters) return this.#parser.end()
    throw new JsonError('utf8', 'not UTF-8')
  }

  #decode(bytes: Uint8Array): string {
    try {
      return this.#decoder.push(bytes)
    } catch {
      throw new JsonError('utf8', 'not UTF-8')
    }
  }
}

function checkSize(bytes: number, { maxBytes = 16 * 1024 * 1024 }: JsonLimits): void {
  if (bytes > maxBytes) throw new JsonError('too_large', `${bytes} bytes, at most ${maxBytes} are read`)
}
