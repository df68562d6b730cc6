import { QuernError } from '../errors.js'

const mostLevels = 1000

/**
 * What a template may use up. Templates come with models, so they are untrusted: loops nest, texts double, values share their parts, and
 * rendering happens on the caller's thread. Units are spent by evaluations and by every visit of a value, so that the limit does not
 * depend on the machine. It grows with what the caller puts in.
 */
export class Budget {
  readonly #total: number
  readonly #maxText: number
  #left: number
  #level = 0

  constructor(input: { values: number; characters: number }) {
    this.#total = 150_000 + 500 * input.values + Math.ceil(input.characters / 2)
    this.#maxText = 2_000_000 + 16 * input.characters
    this.#left = this.#total
  }

  /** One evaluation or visit, or several. */
  spend(units: number): void {
    this.#left -= units
    if (!(this.#left >= 0)) {
      throw this.#refusal(
        `did not end within ${this.#total} steps of evaluation: it loops, or is far too slow for its input`,
        this.#total,
      )
    }
  }

  /** A text of this length is made or read through. */
  text(characters: number): void {
    this.size(characters)
    this.spend(characters >> 6)
  }

  /** A text of this length is looked at character by character. */
  characters(characters: number): void {
    this.size(characters)
    this.spend(characters >> 3)
  }

  /** A list of this length is made or read through. */
  list(items: number): void {
    this.spend(items / 4)
  }

  /** A text of this length may be made, and is paid for elsewhere. */
  size(characters: number): void {
    if (characters <= this.#maxText) return
    throw this.#refusal(
      `makes a text of ${characters} characters, at most ${this.#maxText} are expected for its input`,
      characters,
    )
  }

  /** One level deeper: into a value, an expression or a macro. An error ends the rendering, so only success needs `leave`. */
  enter(): void {
    this.spend(1)
    if (++this.#level > mostLevels) {
      throw this.#refusal(`nests values or calls deeper than ${mostLevels} levels`, this.#level)
    }
  }

  leave(): void {
    this.#level--
  }

  #refusal(what: string, value: number): QuernError {
    return new QuernError('template_limit', `the chat template ${what}`, { value })
  }
}
