import { QuernError } from '../errors.js'

/**
 * What a template may use up. Templates come with models, so they are untrusted: loops can nest and texts can double, and rendering
 * happens on the caller's thread. Units are spent by evaluations and by the sizes of what they read and make, so the limit does not
 * depend on the machine. It grows with what the caller puts in.
 */
export class Budget {
  readonly #total: number
  readonly #maxText: number
  #left: number

  constructor(input: unknown) {
    const { values, characters } = sizeOf(input)
    this.#total = 150_000 + 500 * values + Math.ceil(characters / 2)
    this.#maxText = 2_000_000 + 16 * characters
    this.#left = this.#total
  }

  /** One evaluation, or several. */
  spend(units: number): void {
    this.#left -= units
    if (this.#left < 0) {
      throw new QuernError(
        'template_limit',
        `the chat template did not end within ${this.#total} steps of evaluation: it loops, or is far too slow for its input`,
        { value: this.#total },
      )
    }
  }

  /** A text of this length was made or read through. */
  text(characters: number): void {
    if (characters > this.#maxText) {
      throw new QuernError(
        'template_limit',
        `the chat template makes a text of ${characters} characters, at most ${this.#maxText} are expected for its input`,
        { value: characters },
      )
    }
    this.spend(characters >> 6)
  }

  /** A list of this length was made or read through. */
  list(items: number): void {
    this.spend(items >> 2)
  }
}

const maxDepth = 200

function sizeOf(input: unknown, depth = 0): { values: number; characters: number } {
  if (typeof input === 'string') return { values: 1, characters: input.length }
  if (typeof input !== 'object' || input === null) return { values: 1, characters: 0 }
  if (depth > maxDepth) {
    throw new QuernError('invalid_input', `chat template: the input is nested deeper than ${maxDepth} levels`)
  }
  const size = { values: 1, characters: 0 }
  for (const [key, value] of Object.entries(input)) {
    const inner = sizeOf(value, depth + 1)
    size.values += inner.values
    size.characters += key.length + inner.characters
  }
  return size
}
