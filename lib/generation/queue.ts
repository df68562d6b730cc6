/** First in, first out, in constant time each: an array's shift() moves all that follows. What was taken is let go of. */
export class Queue<T> {
  #items: (T | undefined)[] = []
  /** Where the first stands; those before it were taken. */
  #first = 0

  get length(): number {
    return this.#items.length - this.#first
  }

  push(item: T): void {
    this.#items.push(item)
  }

  /** The first; undefined where there is none. */
  shift(): T | undefined {
    if (this.length === 0) return undefined
    const item = this.#items[this.#first]
    this.#items[this.#first++] = undefined
    if (2 * this.#first >= this.#items.length) {
      this.#items = this.#items.slice(this.#first)
      this.#first = 0
    }
    return item
  }

  *[Symbol.iterator](): IterableIterator<T> {
    for (let i = this.#first; i < this.#items.length; i++) yield this.#items[i] as T
  }
}
