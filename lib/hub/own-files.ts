// The cache may be shared: whoever else writes to it must not be able to lead us out of it, nor to keep us waiting. Its own folder, or a
// model's, may be links that its owner made; what lies in them and is ours is files and folders, never links, pipes or devices.
import { constants } from 'node:fs'
import { type FileHandle, lstat, mkdir, open, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { QuernError } from '../errors.js'

const { O_CREAT, O_EXCL, O_NOFOLLOW, O_NONBLOCK, O_RDONLY, O_RDWR } = constants

/**
 * Makes a folder inside of another, unless it is there.
 *
 * @throws {QuernError} `unsafe_path` where a link, or a file, has the place of one of its parts.
 */
export async function makeOwnFolder(base: string, inside: string): Promise<void> {
  await mkdir(base, { recursive: true })
  let path = base
  for (const part of inside.split('/')) {
    path = join(path, part)
    await mkdir(path).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error
    })
    const found = await lstat(path)
    if (found.isDirectory()) continue
    throw new QuernError(
      'unsafe_path',
      `${path}: expected a folder of the cache, found ${found.isSymbolicLink() ? 'a link, which may lead anywhere' : 'something else'}; remove it, or choose another cacheDir (or HF_HOME)`,
      { value: path },
    )
  }
}

/** The text of a small file of ours; undefined where there is none, or where something else or larger has its name. */
export async function readOwnFile(path: string, maxBytes: number): Promise<string | undefined> {
  let handle: FileHandle | undefined
  try {
    if (!(await lstat(path)).isFile()) return undefined
    handle = await open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK)
    const found = await handle.stat()
    if (!found.isFile() || found.size > maxBytes) return undefined
    const buffer = Buffer.alloc(found.size)
    const { bytesRead } = await handle.read(buffer, 0, found.size, 0)
    return buffer.toString('utf8', 0, bytesRead)
  } catch {
    return undefined
  } finally {
    await handle?.close()
  }
}

/**
 * Opens a file of ours for reading and writing, and makes it if need be. What has its name and is something else, or a file that has
 * another name too, loses this name: what it leads to, or is elsewhere, stays as it is.
 */
export async function openOwnFile(path: string, flags = 0): Promise<FileHandle> {
  const there = await openIfOwn(path, O_RDWR | O_CREAT | flags)
  if (there !== undefined) return there
  await rm(path, { force: true })
  return open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | flags)
}

async function openIfOwn(path: string, flags: number): Promise<FileHandle | undefined> {
  let handle: FileHandle
  try {
    handle = await open(path, flags | O_NOFOLLOW | O_NONBLOCK)
  } catch (error) {
    // A link; a pipe or a socket.
    if (['ELOOP', 'EMLINK', 'ENXIO'].includes((error as NodeJS.ErrnoException).code ?? '')) return undefined
    throw error
  }
  const found = await handle.stat()
  if (found.isFile() && found.nlink === 1) return handle
  await handle.close()
  return undefined
}
