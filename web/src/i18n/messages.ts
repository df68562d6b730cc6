import type { en } from './en.ts'

/** What every language must say. */
export type Messages = typeof en
