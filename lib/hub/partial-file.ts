import { constants, type FileHandle, mkdir, open, readFile, rm } from 'node:fs/promises'
import { dirname } from 'node:path'

/** Bytes from `start` up to, without, `end`. */
export interface Span {
  start: number
  end: number
}

/**
 * A file that comes in pieces, in any order, over several runs, with a journal beside it of what is there.
 *
 * A piece is noted after it was written, so the journal of a killed process is true. Two processes that write the same file at once
 * write the same bytes to the same places.
 */
export class PartialFile {
  readonly path: string
  readonly bytes: number
  private readonly file: FileHandle
  private readonly journal: FileHandle
  /** Sorted, with gaps between. */
  private present: Span[] = []

  private constructor(path: string, bytes: number, file: FileHandle, journal: FileHandle) {
    this.path = path
    this.bytes = bytes
    this.file = file
    this.journal = journal
  }

  static async open(path: string, bytes: number): Promise<PartialFile> {
    await mkdir(dirname(path), { recursive: true })
    const journal = await open(journalOf(path), 'a')
    const file = await open(path, constants.O_RDWR | constants.O_CREAT).catch(async (error) => {
      await journal.close()
      throw error
    })
    const partial = new PartialFile(path, bytes, file, journal)
    await partial.recall()
    return partial
  }

  /** Bytes that are there. */
  get loaded(): number {
    return this.present.reduce((sum, { start, end }) => sum + end - start, 0)
  }

  missing(): Span[] {
    const gaps: Span[] = []
    let position = 0
    for (const { start, end } of [...this.present, { start: this.bytes, end: this.bytes }]) {
      if (start > position) gaps.push({ start: position, end: start })
      position = end
    }
    return gaps
  }

  async write(position: number, data: Uint8Array): Promise<void> {
    for (let written = 0; written < data.byteLength; ) {
      const { bytesWritten } = await this.file.write(
        data,
        written,
        data.byteLength - written,
        position + written,
      )
      written += bytesWritten
    }
    const span = { start: position, end: position + data.byteLength }
    await this.journal.appendFile(`${span.start} ${span.end}\n`)
    this.note(span)
  }

  /** Forgets everything. */
  async reset(): Promise<void> {
    this.present = []
    await this.journal.truncate()
    await this.file.truncate()
  }

  /** Nothing is lost in a power cut afterwards. */
  async sync(): Promise<void> {
    await this.file.sync()
  }

  async close(): Promise<void> {
    await Promise.allSettled([this.file.close(), this.journal.close()])
  }

  /** Removes what is left of it, once its contents are elsewhere or worthless. */
  async remove(): Promise<void> {
    await Promise.all([this.path, journalOf(this.path)].map((path) => rm(path, { force: true })))
  }

  private async recall(): Promise<void> {
    const { size } = await this.file.stat()
    if (size > this.bytes) return this.reset()
    for (const line of (await readFile(journalOf(this.path), 'utf8')).split('\n')) {
      const [start, end] = /^\d+ \d+$/.test(line) ? line.split(' ').map(Number) : []
      // Beyond the file's end is what a power cut has swallowed.
      if (start !== undefined && end !== undefined && start < end && end <= size) this.note({ start, end })
    }
  }

  private note(span: Span): void {
    const { start, end } = span
    const apart = this.present.filter((other) => other.end < start || other.start > end)
    const touching = this.present.filter((other) => other.end >= start && other.start <= end)
    apart.push({
      start: Math.min(start, ...touching.map((other) => other.start)),
      end: Math.max(end, ...touching.map((other) => other.end)),
    })
    this.present = apart.sort((a, b) => a.start - b.start)
  }
}

function journalOf(path: string): string {
  return `${path}.journal`
}
