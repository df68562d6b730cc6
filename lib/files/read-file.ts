import { closeSync, constants, fstatSync, openSync, readSync, statSync } from 'node:fs'
import { type FileHandle, open, stat } from 'node:fs/promises'
import { QuernError } from '../errors.js'

/** An open file with the size it had when it was opened. */
export interface OpenFile {
  handle: FileHandle
  path: string
  bytes: number
}

/** Neither waits for the other end of a pipe nor makes a terminal ours. */
const readOnly = constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY
/** Read at a time where a file is read from end to end. */
const pieceBytes = 256 * 1024

/**
 * Opens a regular file, or the one that a link leads to, hands it to `use` and closes it whatever happens. A pipe or a device is refused
 * before it is opened, since opening one may do something; and once more when it is open, since it may have come meanwhile.
 *
 * @throws {QuernError} `missing_file`, `read_error`; `unsupported_format` for a Git LFS pointer.
 */
export async function withFile<T>(path: string, use: (file: OpenFile) => Promise<T>): Promise<T> {
  let handle: FileHandle | undefined
  try {
    if (!(await stat(path)).isFile()) throw notRegular(path)
    handle = await open(path, readOnly)
    const found = await handle.stat()
    if (!found.isFile()) throw notRegular(path)
    const file = { handle, path, bytes: found.size }
    await refusePointer(file)
    return await use(file)
  } catch (error) {
    throw fileError(path, error)
  } finally {
    await handle?.close()
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

/**
 * The bytes from `start` up to, without, `end`, a piece at a time.
 *
 * @throws {QuernError} `truncated`.
 */
export async function* readPieces(file: OpenFile, start = 0, end = file.bytes): AsyncGenerator<Buffer> {
  for (let at = start; at < end; at += pieceBytes)
    yield await readExactly(file, at, Math.min(pieceBytes, end - at))
}

/**
 * Whether there is a regular file, or a link to one, at the path; false where nothing is.
 *
 * @throws {QuernError} `read_error` for anything else: it bears the name of a file that was looked for.
 */
export async function isFile(path: string): Promise<boolean> {
  const found = await stat(path).catch(() => undefined)
  if (found === undefined || found.isFile()) return found !== undefined
  throw notRegular(path)
}

/** The text of a small regular file, now; undefined where there is none, or something too large to be what it should be. */
export function readSmallFile(path: string, maxBytes: number): string | undefined {
  let descriptor: number | undefined
  try {
    if (!statSync(path).isFile()) return undefined
    descriptor = openSync(path, readOnly)
    if (!fstatSync(descriptor).isFile()) return undefined
    const buffer = Buffer.alloc(maxBytes + 1)
    const bytes = readSync(descriptor, buffer)
    return bytes > maxBytes ? undefined : buffer.toString('utf8', 0, bytes)
  } catch {
    return undefined
  } finally {
    if (descriptor !== undefined) closeSync(descriptor)
  }
}

/** What stands for a large file in a folder that was cloned without git-lfs. */
const pointerStart = 'version https://git-lfs.github.com/spec/'
const maxPointerBytes = 1024

async function refusePointer(file: OpenFile): Promise<void> {
  const { path, bytes } = file
  if (bytes < pointerStart.length || bytes > maxPointerBytes) return
  const start = await readExactly(file, 0, pointerStart.length)
  if (start.toString('latin1') !== pointerStart) return
  throw new QuernError(
    'unsupported_format',
    `${path}: a Git LFS pointer of ${bytes} bytes, not the file that it stands for: the folder was cloned without git-lfs; run "git lfs install" and "git lfs pull" in it, or let quern download the model`,
    { value: path },
  )
}

function notRegular(path: string): QuernError {
  return new QuernError('read_error', `${path}: not a regular file`, { value: path })
}

function fileError(path: string, error: unknown): unknown {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  if (error instanceof QuernError || code === undefined) return error
  if (code === 'ENOENT' || code === 'ENOTDIR') {
    return new QuernError('missing_file', `${path}: no such file`, { value: path, cause: error })
  }
  return new QuernError('read_error', `${path}: ${(error as Error).message}`, { value: path, cause: error })
}
