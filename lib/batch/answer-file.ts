import { constants, type FileHandle, open, rm, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { BatchAnswer } from './batch-answer.js'
import { fileError } from './file-error.js'

/** Milliseconds of answers that a power cut may take. */
const syncMs = 1000

/**
 * A file that answers are added to, a line each. What was added survives the end of the process at once, and that of the machine after a
 * second, or when the file is closed.
 */
export class AnswerFile {
  readonly path: string
  readonly #file: FileHandle
  /** Made here, and nothing was added yet. */
  #isNew: boolean
  #waiting = ''
  #writing: Promise<void> | undefined
  #synced = performance.now()

  private constructor(path: string, file: FileHandle, isNew: boolean) {
    this.path = path
    this.#file = file
    this.#isNew = isNew
  }

  static async open(path: string): Promise<AnswerFile> {
    try {
      const { file, isNew } = await openOrMake(path)
      if ((await file.stat()).isFile()) {
        await syncFolder(dirname(path))
        return new AnswerFile(path, file, isNew)
      }
      await file.close()
    } catch (error) {
      throw fileError(path, error, 'write_error')
    }
    throw fileError(path, new Error('expected a file, whose answers can be read again'), 'write_error')
  }

  get file(): FileHandle {
    return this.#file
  }

  /** Whether its path still leads to it: nobody else has taken it away. */
  async isThere(): Promise<boolean> {
    const [own, there] = await Promise.all([this.#file.stat(), stat(this.path).catch(() => undefined)])
    return own.dev === there?.dev && own.ino === there.ino
  }

  /** Takes a file away again that was made for answers which do not come. Whoever does holds it alone. */
  async discard(): Promise<void> {
    if (this.#isNew) await rm(this.path, { force: true })
  }

  /** Cuts what lies behind. */
  async truncate(length: number): Promise<void> {
    await this.#file.truncate(length)
  }

  /** Adds a line; it is there when this resolves. */
  async add(answer: BatchAnswer): Promise<void> {
    this.#isNew = false
    this.#waiting += `${JSON.stringify(answer)}\n`
    this.#writing ??= this.#write()
    await this.#writing
  }

  async close(): Promise<void> {
    try {
      await this.#writing
      await this.#file.sync()
    } catch (error) {
      throw fileError(this.path, error, 'write_error')
    } finally {
      await this.#file.close()
    }
  }

  /** What comes while a piece is written goes into the next one; all who wait do so for the last. */
  async #write(): Promise<void> {
    try {
      while (this.#waiting !== '') {
        const text = this.#waiting
        this.#waiting = ''
        await this.#file.appendFile(text)
        if (performance.now() - this.#synced < syncMs) continue
        await this.#file.datasync()
        this.#synced = performance.now()
      }
    } catch (error) {
      throw fileError(this.path, error, 'write_error')
    } finally {
      this.#writing = undefined
    }
  }
}

async function openOrMake(path: string): Promise<{ file: FileHandle; isNew: boolean }> {
  const { O_RDWR, O_CREAT, O_EXCL, O_APPEND } = constants
  try {
    return { file: await open(path, O_RDWR | O_CREAT | O_EXCL | O_APPEND, 0o644), isNew: true }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    return { file: await open(path, O_RDWR | O_CREAT | O_APPEND, 0o644), isNew: false } // a link to nothing, too
  }
}

/** The file's name is in its folder, which has to be written too. */
async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r')
  await folder.sync().finally(() => folder.close())
}
