import type { FileHandle } from 'node:fs/promises'

/** A line of a file. */
export interface FileLine {
  /** Its number, from 1 on. */
  number: number
  /** Where it begins in the file. */
  start: number
  /** Without its line break; undefined: longer than what is read. */
  bytes: Buffer | undefined
  /** Whether a line break ends it: only the last may have none. */
  isEnded: boolean
}

/** Bytes of a line that are read: more than any body that a server takes. */
const mostLineBytes = 64 * 1024 * 1024

const chunkBytes = 1024 * 1024
const lineFeed = 0x0a

/** The lines of a file in order, without ever holding more than one and a chunk. */
export async function* fileLines(file: FileHandle): AsyncGenerator<FileLine> {
  let number = 1
  let start = 0 // of the line that is being gathered
  let position = 0
  let held: Buffer[] = []
  let heldBytes = 0
  const gathered = (isEnded: boolean): FileLine => {
    const bytes = heldBytes > mostLineBytes ? undefined : Buffer.concat(held, heldBytes)
    const line = { number: number++, start, bytes, isEnded }
    held = []
    heldBytes = 0
    return line
  }
  const hold = (piece: Buffer) => {
    heldBytes += piece.length
    if (heldBytes <= mostLineBytes) held.push(piece)
    else held = []
  }
  for (;;) {
    const { bytesRead, buffer } = await file.read(Buffer.allocUnsafe(chunkBytes), 0, chunkBytes, position)
    if (bytesRead === 0) break
    const chunk = buffer.subarray(0, bytesRead)
    let from = 0
    for (let at = chunk.indexOf(lineFeed); at >= 0; at = chunk.indexOf(lineFeed, from)) {
      hold(chunk.subarray(from, at))
      yield gathered(true)
      from = at + 1
      start = position + from
    }
    if (from < bytesRead) hold(chunk.subarray(from))
    position += bytesRead
  }
  if (heldBytes > 0) yield gathered(false)
}
