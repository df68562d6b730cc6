import { constants } from 'node:fs'
import { type FileHandle, rm } from 'node:fs/promises'
import { openOwnFile } from './own-files.js'
import { type Span, Spans } from './spans.js'

/** Of a journal. One of the largest files that there are, fetched in the smallest pieces, has a tenth of it. */
const maxJournalBytes = 4 * 1024 ** 2

/**
 * A file that comes in pieces, in any order, over several runs, with a journal beside it of what is there.
 *
 * A piece is noted after it was written, so the journal of a killed process is true. Two processes that write the same file at once
 * write the same bytes to the same places.
 */
export class PartialFile {
  readonly path: string
  readonly bytes: number
  readonly handle: FileHandle
  readonly #journal: FileHandle
  #present = new Spans()

  private constructor(path: string, bytes: number, handle: FileHandle, journal: FileHandle) {
    this.path = path
    this.bytes = bytes
    this.handle = handle
    this.#journal = journal
  }

  /** Opens it, in a folder that is there. */
  static async open(path: string, bytes: number): Promise<PartialFile> {
    const journal = await openOwnFile(journalOf(path), constants.O_APPEND)
    const handle = await openOwnFile(path).catch(async (error) => {
      await journal.close()
      throw error
    })
    const partial = new PartialFile(path, bytes, handle, journal)
    try {
      await partial.#recall()
    } catch (error) {
      await partial.close()
      throw error
    }
    return partial
  }

  /** Bytes that are there. */
  get loaded(): number {
    return this.#present.total
  }

  missing(): Span[] {
    return this.#present.gaps(this.bytes)
  }

  async write(position: number, data: Uint8Array): Promise<void> {
    for (let written = 0; written < data.byteLength; ) {
      const { bytesWritten } = await this.handle.write(
        data,
        written,
        data.byteLength - written,
        position + written,
      )
      written += bytesWritten
    }
    const span = { start: position, end: position + data.byteLength }
    await this.#journal.appendFile(`${span.start} ${span.end}\n`)
    this.#present.add(span)
  }

  /** Forgets everything. */
  async reset(): Promise<void> {
    this.#present = new Spans()
    await this.#journal.truncate()
    await this.handle.truncate()
  }

  /** Nothing is lost in a power cut afterwards. */
  async sync(): Promise<void> {
    await this.handle.sync()
  }

  async close(): Promise<void> {
    await Promise.allSettled([this.handle.close(), this.#journal.close()])
  }

  /** Removes what is left of it, once its contents are elsewhere or worthless. */
  async remove(): Promise<void> {
    await Promise.all([this.path, journalOf(this.path)].map((path) => rm(path, { force: true })))
  }

  async #recall(): Promise<void> {
    const { size } = await this.handle.stat()
    const { size: journalBytes } = await this.#journal.stat()
    if (size > this.bytes || journalBytes > maxJournalBytes) return this.reset()
    const noted = Buffer.alloc(journalBytes)
    await this.#journal.read(noted, 0, journalBytes, 0)
    const spans: Span[] = []
    for (const line of noted.toString('latin1').split('\n')) {
      const [start, end] = /^\d+ \d+$/.test(line) ? line.split(' ').map(Number) : []
      // Beyond the file's end is what a power cut has swallowed.
      if (start !== undefined && end !== undefined && start < end && end <= size) spans.push({ start, end })
    }
    this.#present = Spans.of(spans)
  }
}

function journalOf(path: string): string {
  return `${path}.journal`
}
