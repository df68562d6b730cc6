import { randomUUID } from 'node:crypto'
import { type FileHandle, open, realpath, rename, rm, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { ChatMessage } from '../chat/messages.js'
import { QuernError } from '../errors.js'
import type { GenerateOptions } from '../generation/options.js'
import { knownPages, readPages } from './pages.js'
import { headerBytes, RunningChecksum, type SessionHeader } from './session-file.js'
import type { SessionModel } from './session-model.js'

/** About so many bytes of pages are in memory at a time. */
export const transferBytes = 4 * 1024 * 1024

/** Writes a session's file under another name first: what is there stays until the new one is whole. */
export async function saveSession(
  path: string,
  messages: readonly ChatMessage[],
  options: GenerateOptions,
  model: SessionModel,
): Promise<void> {
  const place = await placeOf(path)
  const identity = await model.identity()
  const tokens = await conversationTokens(messages, options, model, identity.longestSequence)
  const header: SessionHeader = {
    model: identity.fingerprint,
    source: identity.source,
    arithmetic: identity.arithmetic,
    messages,
    tokens: [...tokens],
    positions: tokens.length,
    pages: 0,
    pageBytes: identity.pageBytes,
  }
  const temporary = join(dirname(place.path), `.quern-${randomUUID()}.tmp`) // the other name may be as long as names can be
  try {
    const file = await open(temporary, 'wx', place.mode)
    try {
      if (place.mode !== undefined) await file.chmod(place.mode).catch(() => {}) // beyond the umask
      // The cache may lose pages meanwhile: then the file is written anew with those that are left.
      let isWhole = false
      while (!isWhole) {
        const part = { tokens, positions: header.positions }
        Object.assign(header, part.positions === 0 ? { pages: 0 } : await knownPages(model.pages, part))
        isWhole = await writeFile(file, header, model)
      }
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(temporary, place.path)
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => {})
    throw writeError(path, error)
  }
}

/**
 * The file is put in the place of what has its name: that must be a file, and no device. A link stays and leads to the new file, which
 * whoever could read the old one can read, and nobody else.
 */
async function placeOf(path: string): Promise<{ path: string; mode: number | undefined }> {
  const there = await stat(path).catch(() => undefined)
  if (there === undefined) return { path, mode: undefined }
  if (there.isFile()) return { path: await realpath(path).catch(() => path), mode: there.mode & 0o777 }
  throw new QuernError('write_error', `${path}: cannot be written: it is there and no regular file`, {
    value: path,
  })
}

/** Without pages where the conversation cannot be rendered as it stands, or is longer than the context: its messages are saved still. */
async function conversationTokens(
  messages: readonly ChatMessage[],
  options: GenerateOptions,
  model: SessionModel,
  longest: number,
): Promise<Int32Array> {
  if (messages.length === 0) return new Int32Array()
  try {
    const tokens = await model.encode(messages, options)
    return tokens.length > longest ? new Int32Array() : tokens
  } catch (error) {
    if (error instanceof QuernError) return new Int32Array()
    throw error
  }
}

/** False: the cache has lost some of the pages. */
async function writeFile(file: FileHandle, header: SessionHeader, model: SessionModel): Promise<boolean> {
  await file.truncate(0)
  const checksum = new RunningChecksum()
  let position = 0
  const put = async (bytes: Uint8Array) => {
    for (let done = 0; done < bytes.length; ) {
      const { bytesWritten } = await file.write(bytes, done, bytes.length - done, position)
      done += bytesWritten
      position += bytesWritten
    }
  }
  const start = headerBytes(header)
  await put(start)
  await put(checksum.update(start).take())
  const { pages, pageBytes } = header
  const part = { tokens: Int32Array.from(header.tokens), positions: header.positions }
  const atOnce = Math.max(1, Math.floor(transferBytes / pageBytes))
  for (let first = 0; first < pages; first += atOnce) {
    const wanted = Math.min(atOnce, pages - first)
    const bytes = await readPages(model.pages, part, first, wanted)
    if (bytes.length < wanted * pageBytes) return false
    for (let at = 0; at < bytes.length; at += pageBytes) {
      const page = bytes.subarray(at, at + pageBytes)
      await put(page)
      await put(checksum.update(page).take())
    }
  }
  return true
}

function writeError(path: string, error: unknown): unknown {
  if (error instanceof QuernError || !(error instanceof Error && 'code' in error)) return error
  const isFull = ['ENOSPC', 'EDQUOT'].includes(String(error.code))
  return new QuernError(
    isFull ? 'disk_full' : 'write_error',
    `${path}: cannot be written: ${error.message}`,
    {
      value: path,
      cause: error,
    },
  )
}
