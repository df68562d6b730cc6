import { randomBytes } from 'node:crypto'
import { constants, copyFile, link, lstat, rename, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { dirname, join, relative } from 'node:path'
import { makeOwnFolder, readOwnFile } from './own-files.js'
import { isCommit } from './repo.js'

/** A commit has 40 bytes. */
const maxRefBytes = 256

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
  readonly #cacheDir: string
  readonly #name: string

  constructor(cacheDir: string, id: string) {
    this.#cacheDir = cacheDir
    this.#name = `models--${id.replace('/', '--')}`
    this.folder = join(cacheDir, this.#name)
  }

  /**
   * Makes the folders that downloads write to.
   *
   * @throws {QuernError} `unsafe_path`.
   */
  async prepare(): Promise<void> {
    await makeOwnFolder(this.folder, 'blobs')
    await makeOwnFolder(this.#cacheDir, `.locks/${this.#name}`)
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
    return join(this.#cacheDir, '.locks', this.#name, `${hash}.quern.lock`)
  }

  snapshot(commit: string): string {
    return join(this.folder, 'snapshots', commit)
  }

  /** The commit that a revision stood for when it was last asked for. */
  async commitOf(revision: string): Promise<string | undefined> {
    if (isCommit(revision)) return revision
    const text = (await readOwnFile(join(this.folder, 'refs', revision), maxRefBytes))?.trim()
    return isCommit(text) ? text : undefined
  }

  /** Notes which commit a revision stands for; a cache that cannot be written stays as it is. */
  async noteCommit(revision: string, commit: string): Promise<void> {
    if ((await this.commitOf(revision)) === commit) return
    const path = join(this.folder, 'refs', revision)
    await this.#replace(path, (temporary) => writeFile(temporary, commit, { flag: 'wx' })).catch(() => {})
  }

  /** The size of a file of a snapshot; undefined if it is not there. */
  async bytesOf(commit: string, name: string): Promise<number | undefined> {
    return bytesAt(join(this.snapshot(commit), name))
  }

  /** Puts a blob into a snapshot, under its name: as a link, or as a copy where the disk knows no links. */
  async place(hash: string, commit: string, name: string): Promise<void> {
    const path = join(this.snapshot(commit), name)
    const blob = this.blob(hash)
    await this.#replace(path, async (temporary) => {
      try {
        await symlink(relative(dirname(path), blob), temporary)
      } catch {
        await link(blob, temporary).catch(() =>
          copyFile(blob, temporary, constants.COPYFILE_FICLONE | constants.COPYFILE_EXCL),
        )
      }
    })
  }

  /** The size of contents that are here; undefined if they are not. */
  async blobBytes(hash: string): Promise<number | undefined> {
    const found = await lstat(this.blob(hash)).catch(() => undefined)
    return found?.isFile() ? found.size : undefined
  }

  /** Makes a file beside its place and moves it there, so that no reader ever sees half of it. */
  async #replace(path: string, make: (temporary: string) => Promise<void>): Promise<void> {
    const temporary = `${path}.${randomBytes(4).toString('hex')}.tmp`
    await makeOwnFolder(this.folder, relative(this.folder, dirname(path)))
    try {
      await make(temporary)
      await rename(temporary, path)
    } catch (error) {
      await rm(temporary, { force: true })
      throw error
    }
  }
}

/** The size of a regular file, or of the one that a link leads to; undefined if there is none. */
export async function bytesAt(path: string): Promise<number | undefined> {
  const found = await stat(path).catch(() => undefined)
  return found?.isFile() ? found.size : undefined
}
