import { QuernError } from '../errors.js'
import { Dict, hashOfText, type Value } from './values.js'

const mostLevels = 200
const mostValues = 5_000_000

/** Values of JavaScript as a template has them, and how much they are. */
export class HostValues {
  values = 0
  characters = 0
  readonly #converted = new Map<object, Value>()
  readonly #open = new Set<object>()

  /** The variables of an object. What JSON leaves out, such as functions, is left out here. */
  variables(given: Record<string, unknown>): Map<string, Value> {
    const variables = new Map<string, Value>()
    for (const [name, value] of Object.entries(given)) {
      const converted = this.#convert(value)
      if (converted !== undefined) variables.set(name, converted)
    }
    return variables
  }

  #convert(value: unknown): Value | undefined {
    if (++this.values > mostValues) this.#refuse(`holds more than ${mostValues} values`)
    switch (typeof value) {
      case 'string':
        this.characters += value.length
        return value
      case 'number':
        return Number.isInteger(value) ? BigInt(value) : value
      case 'bigint':
      case 'boolean':
        return value
      case 'object':
        return value === null ? null : this.#object(value)
      default:
        return undefined
    }
  }

  /** An object is read once, however often it is referred to. */
  #object(object: object): Value | undefined {
    const known = this.#converted.get(object)
    if (known !== undefined) return known
    if (this.#open.has(object)) this.#refuse('refers to itself')
    if (this.#open.size >= mostLevels) this.#refuse(`is nested deeper than ${mostLevels} levels`)
    this.#open.add(object)
    let value: Value | undefined
    if (Array.isArray(object)) value = Array.from(object, (item) => this.#convert(item) ?? null)
    else if ('toJSON' in object && typeof object.toJSON === 'function') value = this.#convert(object.toJSON())
    else value = this.#dict(object)
    this.#open.delete(object)
    if (value !== undefined) this.#converted.set(object, value)
    return value
  }

  #dict(object: object): Dict {
    const dict = new Dict()
    for (const [key, item] of Object.entries(object)) {
      const value = this.#convert(item)
      this.characters += key.length
      if (value !== undefined) dict.entries.set(hashOfText(key), [key, value])
    }
    return dict
  }

  #refuse(problem: string): never {
    throw new QuernError('invalid_input', `chat template: the input ${problem}`)
  }
}
