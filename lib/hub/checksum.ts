import { createHash } from 'node:crypto'
import type { FileHandle } from 'node:fs/promises'
import type { RemoteFile } from './listing.js'

const pieceBytes = 1024 ** 2

/** Whether a file's contents are what the hub announced: by their sha256, or by the hash that git gives a small file. */
export async function matches(
  file: FileHandle,
  { hash, bytes }: RemoteFile,
  signal: AbortSignal,
): Promise<boolean> {
  const sum = hash.length === 64 ? createHash('sha256') : createHash('sha1').update(`blob ${bytes}\0`)
  for (let position = 0; ; ) {
    const { buffer, bytesRead } = await file.read(Buffer.allocUnsafe(pieceBytes), 0, pieceBytes, position)
    signal.throwIfAborted()
    sum.update(buffer.subarray(0, bytesRead))
    position += bytesRead
    if (bytesRead === 0) return position === bytes && sum.digest('hex') === hash
  }
}
