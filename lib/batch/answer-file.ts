import { constants, type FileHandle, open } from 'node:fs/promises'
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
  #waiting = ''
  #writing: Promise<void> | undefined
  #synced = performance.now()

  private constructor(path: string, file: FileHandle) {
    this.path = path
    this.#file = file
  }

  static async open(path: string): Promise<AnswerFile> {
    try {
      const { O_RDWR, O_CREAT, O_APPEND } = constants
      const file = await open(path, O_RDWR | O_CREAT | O_APPEND, 0o644)
      if ((await file.stat()).isFile()) {
        await syncFolder(dirname(path))
        return new AnswerFile(path, file)
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

  /** Cuts what lies behind. */
  async truncate(length: number): Promise<void> {
    await this.#file.truncate(length)
  }

  /** Adds a line; it is there when this resolves. */
  async add(answer: BatchAnswer): Promise<void> {
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

/** The file's name is in its folder, which has to be written too. */
async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r')
  await folder.sync().finally(() => folder.close())
}
