import { lstat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { QuernError } from '../errors.js'
import type { HubLimits } from './limits.js'

/**
 * Refuses a download that the disk has no room for, before it begins. A system that does not tell is asked nothing more.
 *
 * @throws {QuernError} `disk_full`.
 */
export async function checkSpace(folder: string, needed: number, { freeBytes }: HubLimits): Promise<void> {
  if (needed === 0) return
  const free = await freeAt(folder, freeBytes)
  if (free === undefined || needed <= free) return
  throw new QuernError(
    'disk_full',
    `${folder}: ${needed} bytes are to be downloaded, the disk has room for ${free}; make room, or choose another cacheDir (or HF_HOME)`,
    { value: needed },
  )
}

/** Bytes that a file takes on the disk: less than its size where it has holes. */
export async function allocatedAt(path: string): Promise<number> {
  const found = await lstat(path).catch(() => undefined)
  return found === undefined ? 0 : 512 * found.blocks
}

/** Of the folder, or of the nearest above it that exists. */
async function freeAt(folder: string, freeBytes: HubLimits['freeBytes']): Promise<number | undefined> {
  try {
    return await freeBytes(folder)
  } catch {
    const above = dirname(folder)
    return above === folder ? undefined : freeAt(above, freeBytes)
  }
}

/** An error of the file system as one that says what to do; any other as it is. */
export function explainDisk(error: unknown, folder: string): unknown {
  if (!(error instanceof Error) || error instanceof QuernError || !('syscall' in error)) return error
  const { code } = error as NodeJS.ErrnoException
  const isFull = code === 'ENOSPC' || code === 'EDQUOT'
  return new QuernError(
    isFull ? 'disk_full' : 'write_error',
    `${folder}: ${isFull ? 'the disk is full; make room' : `${error.message}; make the cache writable`}, or choose another cacheDir (or HF_HOME)`,
    { value: folder, cause: error },
  )
}
