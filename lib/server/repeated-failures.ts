/** So many in a row may be chance. */
const forgiven = 2
/** Milliseconds: the first pause, which every failure more doubles, and the longest. */
const firstPause = 5000
const longestPause = 300_000

/** How long to leave alone what fails again and again. A success in between, and all is forgotten. */
export class RepeatedFailures {
  readonly #now: () => number
  #count = 0
  #pauseEnd = 0

  /** @param now Milliseconds. */
  constructor(now = () => performance.now()) {
    this.#now = now
  }

  /** In a row. */
  get count(): number {
    return this.#count
  }

  /** Milliseconds before it may be tried again. */
  get pause(): number {
    return Math.max(0, this.#pauseEnd - this.#now())
  }

  failed(): void {
    this.#count++
    const more = this.#count - forgiven - 1
    if (more >= 0) this.#pauseEnd = this.#now() + Math.min(longestPause, firstPause * 2 ** more)
  }

  succeeded(): void {
    this.#count = 0
    this.#pauseEnd = 0
  }
}
