import { type JsonOptions, type JsonValue, parseJson } from './json.js'

/**
 * Reads JSON as `parseJson` does, into plain objects. They have no prototype, so that a key such as `__proto__` is a key like any other; an
 * integer that is too large for a double is the nearest one.
 *
 * @throws {JsonError}
 */
export function parsePlainJson(text: string | Uint8Array, options?: JsonOptions): unknown {
  const bytes = typeof text === 'string' ? new TextEncoder().encode(text) : text
  return plain(parseJson(bytes, options))
}

function plain(value: JsonValue): unknown {
  if (typeof value === 'bigint') return Number(value)
  if (Array.isArray(value)) return value.map(plain)
  if (!(value instanceof Map)) return value
  const object: Record<string, unknown> = Object.create(null)
  for (const [key, member] of value) object[key] = plain(member)
  return object
}
