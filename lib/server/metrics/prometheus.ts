// The text format that Prometheus reads, https://prometheus.io/docs/instrumenting/exposition_formats/.

/** The labels of a series, by their names. */
export type Labels = Readonly<Record<string, string | number>>

/** What families of series have in common. */
abstract class Family {
  readonly name: string
  readonly #type: string
  readonly #help: string

  constructor(name: string, type: string, help: string) {
    this.name = name
    this.#type = type
    this.#help = help
  }

  /** The family as a scrape has it. */
  text(): string {
    const help = this.#help.replaceAll('\\', '\\\\').replaceAll('\n', '\\n')
    const head = `# HELP ${this.name} ${help}\n# TYPE ${this.name} ${this.#type}\n`
    return head + [...this.samples()].map((sample) => `${sample}\n`).join('')
  }

  protected abstract samples(): Iterable<string>
}

/** A number for each set of labels. */
class Numbers extends Family {
  readonly #values = new Map<string, number>()

  add(labels: Labels, value = 1): void {
    this.set(labels, (this.#values.get(labelText(labels)) ?? 0) + value)
  }

  set(labels: Labels, value: number): void {
    this.#values.set(labelText(labels), value)
  }

  protected override *samples(): Iterable<string> {
    for (const [labels, value] of this.#values) yield `${this.name}${labels} ${numberText(value)}`
  }
}

/** What only grows. Its name ends in `_total`. */
export class Counter extends Numbers {
  constructor(name: string, help: string) {
    super(name, 'counter', help)
  }
}

/** What goes up and down. */
export class Gauge extends Numbers {
  constructor(name: string, help: string) {
    super(name, 'gauge', help)
  }
}

interface Distribution {
  labels: Labels
  /** How many fell into each bucket, the last of which has no bound. */
  counts: number[]
  sum: number
}

/** How often values were how large. */
export class Histogram extends Family {
  readonly #bounds: readonly number[]
  readonly #distributions = new Map<string, Distribution>()

  constructor(name: string, bounds: readonly number[], help: string) {
    super(name, 'histogram', help)
    this.#bounds = bounds
  }

  /** Counts a value, as often as it was seen. */
  observe(labels: Labels, value: number, times = 1): void {
    const key = labelText(labels)
    let distribution = this.#distributions.get(key)
    if (!distribution) {
      distribution = { labels, counts: new Array<number>(this.#bounds.length + 1).fill(0), sum: 0 }
      this.#distributions.set(key, distribution)
    }
    const at = this.#bounds.findIndex((bound) => value <= bound)
    const bucket = at < 0 ? this.#bounds.length : at
    distribution.counts[bucket] = (distribution.counts[bucket] ?? 0) + times
    distribution.sum += value * times
  }

  protected override *samples(): Iterable<string> {
    for (const { labels, counts, sum } of this.#distributions.values()) {
      let seen = 0
      for (const [i, count] of counts.entries()) {
        seen += count
        const le = numberText(this.#bounds[i] ?? Number.POSITIVE_INFINITY)
        yield `${this.name}_bucket${labelText({ ...labels, le })} ${seen}`
      }
      yield `${this.name}_sum${labelText(labels)} ${numberText(sum)}`
      yield `${this.name}_count${labelText(labels)} ${seen}`
    }
  }
}

function labelText(labels: Labels): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escaped(String(value))}"`)
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`
}

function escaped(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')
}

function numberText(value: number): string {
  if (value === Number.POSITIVE_INFINITY) return '+Inf'
  return value === Number.NEGATIVE_INFINITY ? '-Inf' : String(value)
}
