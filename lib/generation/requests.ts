import type { NativeRow } from '../native/binding.js'

/** Takes the rows of one request; says whether it wants more. */
export type RowSink = (row: NativeRow) => void

/**
 * The requests that run, by number. It refers to no model, and the addon's callback refers to nothing else: so a model that nobody holds
 * and that has no running request can be collected.
 */
export class Requests {
  readonly #sinks = new Map<number, RowSink>()

  add(request: number, sink: RowSink): void {
    this.#sinks.set(request, sink)
  }

  /** Hands rows to their requests; those that end are forgotten. */
  deliver(rows: readonly NativeRow[]): void {
    for (const row of rows) {
      const sink = this.#sinks.get(row.request)
      if (row.finish !== undefined) this.#sinks.delete(row.request)
      sink?.(row)
    }
  }
}
