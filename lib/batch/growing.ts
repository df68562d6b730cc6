/** Numbers in memory that is no larger than they need, twice at most, however many come. */
abstract class Growing<Numbers extends Uint32Array | Float64Array> {
  #numbers: Numbers
  #length = 0

  constructor(empty: Numbers) {
    this.#numbers = empty
  }

  get length(): number {
    return this.#length
  }

  push(value: number): void {
    if (this.#length === this.#numbers.length) {
      const larger = this.allocate(2 * this.#length)
      larger.set(this.#numbers)
      this.#numbers = larger
    }
    this.#numbers[this.#length++] = value
  }

  at(index: number): number {
    return this.#numbers[index] as number
  }

  set(index: number, value: number): void {
    this.#numbers[index] = value
  }

  slice(from: number, to: number): Numbers {
    return this.#numbers.slice(from, to) as Numbers
  }

  protected abstract allocate(length: number): Numbers
}

const first = 1024

/** Of whole numbers of 32 bits. */
export class Growing32 extends Growing<Uint32Array> {
  constructor() {
    super(new Uint32Array(first))
  }

  protected override allocate(length: number): Uint32Array {
    return new Uint32Array(length)
  }
}

/** Of places in a file. */
export class Growing64 extends Growing<Float64Array> {
  constructor() {
    super(new Float64Array(first))
  }

  protected override allocate(length: number): Float64Array {
    return new Float64Array(length)
  }
}
