// What the parts of this example agree on.
import { Redis } from 'ioredis'

/** The queue. A job of it is a chunk of lines of a batch: `{ first, lines }`, the number of the first line and their texts. */
export const queueName = 'quern-batch'

/** A connection to Redis: `REDIS_URL`, or the one of this machine. */
export function connect() {
  return new Redis(process.env.REDIS_URL ?? 'redis://127.0.0.1:6379', { maxRetriesPerRequest: null })
}

/** A chunk's name. A job of a name that is there already is not added again. */
export function jobId(batch, chunk) {
  return `${batch}-${chunk}`
}

/** Where it is said how many chunks a batch has, once all are in the queue. */
export function chunksKey(batch) {
  return `${queueName}-chunks:${batch}`
}
