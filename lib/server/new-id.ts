import { randomUUID } from 'node:crypto'

/** A name that nothing else has: `msg_6f1d…`. */
export function newId(prefix: string): string {
  return `${prefix}_${randomUUID().replaceAll('-', '')}`
}
