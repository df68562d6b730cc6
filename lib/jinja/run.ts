import type { Context, Native } from '../python/signature.js'
import type { Args, Value } from '../python/values.js'

/** What Jinja's functions work with, besides what Python's do. */
export interface Run extends Context {
  /** Whether HTML is escaped at this moment. */
  autoescape: boolean
  readonly now: Date
  filter(name: string, args: Args): Value
  test(name: string, args: Args): boolean
}

/** Filters, tests and global functions by their signatures. */
export type Functions = Readonly<Record<string, Native<Run>>>
