import { randomBytes } from 'node:crypto'
import {
  constants,
  copyFile,
  link,
  mkdir,
  readFile,
  rename,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises'
import { dirname, join, relative } from 'node:path'
import { isCommit } from './repo.js'

/**
 * One model's place in the cache that Hugging Face's libraries share:
 * ```
 * models--org--name/blobs/<hash>                     contents; sha256 of large files, git's own hash of small ones
 * models--org--name/refs/main                        a commit
 * models--org--name/snapshots/<commit>/config.json   -> ../../blobs/<hash>
 * .locks/models--org--name/
 * ```
 */
export class RepoCache {
  readonly folder: string
  private readonly locks: string

  constructor(cacheDir: string, id: string) {
    const name = `models--${id.replace('/', '--')}`
    this.folder = join(cacheDir, name)
    this.locks = join(cacheDir, '.locks', name)
  }

  blob(hash: string): string {
    return join(this.folder, 'blobs', hash)
  }

  /** Not Python's `<hash>.incomplete`: it takes such a file's length for how far it is, and ours has holes. */
  partial(hash: string): string {
    return join(this.folder, 'blobs', `${hash}.quern.incomplete`)
  }

  /** Not the name that Python locks: its locks are held by the system, and the files stay there when nobody holds them. */
  lock(hash: string): string {
    return join(this.locks, `${hash}.quern.lock`)
  }

  snapshot(commit: string): string {
    return join(this.folder, 'snapshots', commit)
  }

  /** The commit that a revision stood for when it was last asked for. */
  async commitOf(revision: string): Promise<string | undefined> {
    if (isCommit(revision)) return revision
    const text = await readFile(join(this.folder, 'refs', revision), 'utf8').catch(() => '')
    return isCommit(text.trim()) ? text.trim() : undefined
  }

  /** Notes which commit a revision stands for; a cache that cannot be written stays as it is. */
  async noteCommit(revision: string, commit: string): Promise<void> {
    if ((await this.commitOf(revision)) === commit) return
    const path = join(this.folder, 'refs', revision)
    await replace(path, (temporary) => writeFile(temporary, commit)).catch(() => {})
  }

  /** The size of a file of a snapshot; undefined if it is not there. */
  async bytesOf(commit: string, name: string): Promise<number | undefined> {
    return bytesAt(join(this.snapshot(commit), name))
  }

  /** Puts a blob into a snapshot, under its name: as a link, or as a copy where the disk knows no links. */
  async place(hash: string, commit: string, name: string): Promise<void> {
    const path = join(this.snapshot(commit), name)
    const blob = this.blob(hash)
    await replace(path, async (temporary) => {
      try {
        await symlink(relative(dirname(path), blob), temporary)
      } catch {
        await link(blob, temporary).catch(() => copyFile(blob, temporary, constants.COPYFILE_FICLONE))
      }
    })
  }
}

/** The size of a regular file, or of the one that a link leads to; undefined if there is none. */
export async function bytesAt(path: string): Promise<number | undefined> {
  const found = await stat(path).catch(() => undefined)
  return found?.isFile() ? found.size : undefined
}

/** Makes a file beside its place and moves it there, so that no reader ever sees half of it. */
async function replace(path: string, make: (temporary: string) => Promise<void>): Promise<void> {
  const temporary = `${path}.${randomBytes(4).toString('hex')}.tmp`
  await mkdir(dirname(path), { recursive: true })
  try {
    await make(temporary)
    await rename(temporary, path)
  } catch (error) {
    await rm(temporary, { force: true })
    throw error
  }
}
