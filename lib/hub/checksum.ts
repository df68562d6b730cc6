import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import type { RemoteFile } from './listing.js'

/** Whether a file's contents are what the hub announced: by their sha256, or by the hash that git gives a small file. */
export async function matches(
  path: string,
  { hash, bytes }: RemoteFile,
  signal: AbortSignal,
): Promise<boolean> {
  const sum = hash.length === 64 ? createHash('sha256') : createHash('sha1').update(`blob ${bytes}\0`)
  let read = 0
  for await (const piece of createReadStream(path, { highWaterMark: 1024 ** 2 })) {
    signal.throwIfAborted()
    sum.update(piece)
    read += piece.length
  }
  return read === bytes && sum.digest('hex') === hash
}
