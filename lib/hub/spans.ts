/** Bytes from `start` up to, without, `end`. */
export interface Span {
  start: number
  end: number
}

/** Parts of a file: sorted, with gaps between them. */
export class Spans {
  readonly #parts: Span[] = []
  #bytes = 0

  /** Of parts in any order, which may overlap. */
  static of(parts: readonly Span[]): Spans {
    const spans = new Spans()
    for (const part of [...parts].sort((a, b) => a.start - b.start)) spans.add(part)
    return spans
  }

  /** Bytes that are in one of them. */
  get total(): number {
    return this.#bytes
  }

  add({ start, end }: Span): void {
    const first = this.#firstThatEndsAtOrAfter(start)
    let after = first
    let joined = { start, end }
    for (
      let other = this.#parts[after];
      other !== undefined && other.start <= end;
      other = this.#parts[++after]
    ) {
      joined = { start: Math.min(joined.start, other.start), end: Math.max(joined.end, other.end) }
      this.#bytes -= other.end - other.start
    }
    this.#bytes += joined.end - joined.start
    if (first === this.#parts.length) this.#parts.push(joined)
    else this.#parts.splice(first, after - first, joined)
  }

  /** What is in none of them, of a file of so many bytes. */
  gaps(length: number): Span[] {
    const gaps: Span[] = []
    let position = 0
    for (const { start, end } of [...this.#parts, { start: length, end: length }]) {
      if (start > position) gaps.push({ start: position, end: start })
      position = end
    }
    return gaps
  }

  #firstThatEndsAtOrAfter(position: number): number {
    let low = 0
    let high = this.#parts.length
    while (low < high) {
      const middle = (low + high) >> 1
      if ((this.#parts[middle]?.end ?? position) < position) low = middle + 1
      else high = middle
    }
    return low
  }
}
