import { constants } from 'node:fs'
import { type FileHandle, open, stat } from 'node:fs/promises'
import { QuernError } from '../errors.js'

/** An open file with the size it had when it was opened. */
export interface OpenFile {
  handle: FileHandle
  path: string
  bytes: number
}

/**
 * Opens a regular file, hands it to `use` and closes it whatever happens. A pipe or a device is refused before it is opened, since
 * opening could block for ever.
 *
 * @throws {QuernError} `missing_file`, `read_error`.
 */
export async function withFile<T>(path: string, use: (file: OpenFile) => Promise<T>): Promise<T> {
  let handle: FileHandle
  let bytes: number
  try {
    const before = await stat(path)
    if (!before.isFile()) throw new QuernError('read_error', `${path}: not a regular file`, { value: path })
    handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK)
  } catch (error) {
    throw fileError(path, error)
  }
  try {
    bytes = (await handle.stat()).size
    return await use({ handle, path, bytes })
  } catch (error) {
    throw fileError(path, error)
  } finally {
    await handle.close()
  }
}

/**
 * Reads exactly `length` bytes at `offset`.
 *
 * @throws {QuernError} `truncated` when the file ends before that: it was cut since its size was asked.
 */
export async function readExactly(file: OpenFile, offset: number, length: number): Promise<Buffer> {
  const buffer = Buffer.allocUnsafe(length)
  let filled = 0
  while (filled < length) {
    const { bytesRead } = await file.handle.read(buffer, filled, length - filled, offset + filled)
    if (bytesRead === 0) {
      throw new QuernError(
        'truncated',
        `${file.path}: ends at byte ${offset + filled}, ${length} bytes were expected at ${offset}`,
        {
          value: file.path,
        },
      )
    }
    filled += bytesRead
  }
  return buffer
}

/** Whether there is a regular file (or a link to one) at the path. */
export async function isFile(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isFile()
  } catch {
    return false
  }
}

function fileError(path: string, error: unknown): unknown {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  if (error instanceof QuernError || code === undefined) return error
  if (code === 'ENOENT' || code === 'ENOTDIR') {
    return new QuernError('missing_file', `${path}: no such file`, { value: path, cause: error })
  }
  return new QuernError('read_error', `${path}: ${(error as Error).message}`, { value: path, cause: error })
}
