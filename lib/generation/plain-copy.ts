import { invalidOption } from '../input/check-option.js'

/** Values of all kinds that one piece of data may have. */
const mostValues = 100_000
const deepest = 64

/**
 * A copy of data that JSON can say, read once. What JSON leaves out or cannot say is no data: a function, a cycle, NaN; members that are
 * undefined are left out.
 *
 * @throws {QuernError} `invalid_option`, with the place of what is no data.
 */
export function plainCopy(given: unknown, place: string): unknown {
  let values = 0
  return copy(given, place, 0)

  function copy(value: unknown, where: string, depth: number): unknown {
    if (++values > mostValues) throw invalidOption(place, `at most ${mostValues} values`, given)
    if (depth > deepest) throw invalidOption(place, `data nested at most ${deepest} deep`, given)
    if (value === null || typeof value === 'string' || typeof value === 'boolean') return value
    if (typeof value === 'number' && Number.isFinite(value)) return value
    if (Array.isArray(value)) {
      if (value.length > mostValues) throw invalidOption(where, `at most ${mostValues} values`, value)
      return Array.from(value, (item, i) => copy(item, `${where}[${i}]`, depth + 1))
    }
    if (typeof value === 'object') return copyMembers(value as object, where, depth)
    throw invalidOption(where, 'plain JSON data', value)
  }

  function copyMembers(value: object, where: string, depth: number): Record<string, unknown> {
    const members = Object.entries(value).filter(([, member]) => member !== undefined)
    return Object.fromEntries(
      members.map(([key, member]) => [key, copy(member, `${where}.${key}`, depth + 1)]),
    )
  }
}
