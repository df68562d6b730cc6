/** A file that is being fetched. */
export interface FileProgress {
  name: string
  bytes: number
  loadedBytes: number
}

/** How far a download is, in bytes. What was there before counts as loaded; a damaged file that is fetched anew makes it fall. */
export interface DownloadProgress {
  loadedBytes: number
  totalBytes: number
  files: readonly FileProgress[]
}

const intervalMs = 100

/** Gathers the progress of many files, and tells it ten times a second at most and whenever a file is complete. */
export class ProgressMeter {
  readonly #files = new Map<string, FileProgress>()
  readonly #tell: ((progress: DownloadProgress) => void) | undefined
  #told = Number.NEGATIVE_INFINITY

  constructor(files: readonly FileProgress[], tell: ((progress: DownloadProgress) => void) | undefined) {
    for (const { name, bytes, loadedBytes } of files) this.#files.set(name, { name, bytes, loadedBytes })
    this.#tell = tell
  }

  set(name: string, loadedBytes: number): void {
    const file = this.#files.get(name)
    if (file === undefined || this.#tell === undefined) return
    file.loadedBytes = loadedBytes
    const now = performance.now()
    if (loadedBytes < file.bytes && now - this.#told < intervalMs) return
    this.#told = now
    const files = [...this.#files.values()].map((one) => ({ ...one }))
    const sum = (of: (one: FileProgress) => number) => files.reduce((total, one) => total + of(one), 0)
    this.#tell({ loadedBytes: sum((one) => one.loadedBytes), totalBytes: sum((one) => one.bytes), files })
  }
}
