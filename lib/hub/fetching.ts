import { join } from 'node:path'
import type { Snapshot } from './cached.js'
import { allocatedAt, checkSpace } from './disk.js'
import { type Downloads, downloadBlob } from './download.js'
import type { FileRules } from './file-rules.js'
import { fetchDescription, filePath, type Listing, type RemoteFile } from './listing.js'
import { type DownloadProgress, ProgressMeter } from './progress.js'

/** What a model consists of. */
interface Files {
  small: RemoteFile[]
  weights: RemoteFile[]
}

/** What a caller may add to a download. */
export interface FetchOptions {
  onProgress?: ((progress: DownloadProgress) => void) | undefined
  /** Called with the folder when all but the weights is there: what it throws spares their download. */
  beforeWeights?: ((folder: string) => Promise<void>) | undefined
}

/** One model's files on their way into the cache. */
export class Fetching {
  readonly #id: string
  readonly #listing: Listing
  readonly #downloads: Downloads
  readonly rules: FileRules
  readonly #stop: AbortController

  constructor(id: string, listing: Listing, downloads: Downloads, rules: FileRules, stop: AbortController) {
    this.#id = id
    this.#listing = listing
    this.#downloads = downloads
    this.rules = rules
    this.#stop = stop
  }

  get commit(): string {
    return this.#listing.commit
  }

  /** Where the files are to be found. */
  get folder(): string {
    return this.#downloads.cache.snapshot(this.#listing.commit)
  }

  /** Fetches all that a model needs, unless it is there; the weights last. */
  async all({ onProgress, beforeWeights }: FetchOptions): Promise<Snapshot> {
    const { cache, limits } = this.#downloads
    const { small, weights } = await this.#choose()
    const all = [...small, ...weights]
    const missing = await this.#missing(all)
    await checkSpace(cache.folder, await this.#bytesToCome(missing), limits)
    const begun = all.map((file) => ({ ...file, loadedBytes: missing.includes(file) ? 0 : file.bytes }))
    const meter = new ProgressMeter(begun, onProgress)
    const fetch = (file: RemoteFile) => this.#fetch(file, (loaded) => meter.set(file.name, loaded))
    await this.each(
      missing.filter((file) => small.includes(file)),
      fetch,
    )
    await beforeWeights?.(this.folder)
    await this.each(
      missing.filter((file) => weights.includes(file)),
      fetch,
    )
    const files = all.map(({ name, bytes }) => ({ name, bytes }))
    return { path: this.folder, revision: this.#listing.commit, files }
  }

  /** Fetches the small files, unless they are there, and gives the weights' names and addresses with those that are in the cache. */
  async allButWeights(): Promise<{ file: RemoteFile; path: string; isThere: boolean }[]> {
    const { small, weights } = await this.#choose()
    await this.each(await this.#missing(small), (file) => this.#fetch(file, () => {}))
    const missing = await this.#missing(weights)
    return weights.map((file) => ({
      file,
      path: filePath(this.#id, this.#listing.commit, file.name),
      isThere: !missing.includes(file),
    }))
  }

  async #choose(): Promise<Files> {
    const { small, weights } = await this.rules.choose({
      where: this.#id,
      names: new Set(this.#listing.files.keys()),
      bytesOf: async (name) => (await this.#describe(name)).bytes,
      bring: (name) => this.#bring(name),
    })
    const describe = (names: string[]) => this.each(names, (name) => this.#describe(name))
    return { small: await describe(small), weights: await describe(weights) }
  }

  async #bring(name: string): Promise<string> {
    for (const file of await this.#missing([await this.#describe(name)])) await this.#fetch(file, () => {})
    return join(this.folder, name)
  }

  async #describe(name: string): Promise<RemoteFile> {
    const { client, signal } = this.#downloads
    const { commit, files } = this.#listing
    return files.get(name) ?? fetchDescription(client, this.#id, commit, name, signal)
  }

  async #missing(files: readonly RemoteFile[]): Promise<RemoteFile[]> {
    const { cache } = this.#downloads
    const sizes = await Promise.all(files.map(({ name }) => cache.bytesOf(this.#listing.commit, name)))
    return files.filter(({ bytes }, i) => sizes[i] !== bytes)
  }

  async #bytesToCome(files: readonly RemoteFile[]): Promise<number> {
    const { cache } = this.#downloads
    const left = await Promise.all(
      files.map(async ({ hash, bytes }) => {
        const isThere = (await cache.blobBytes(hash)) === bytes
        return isThere ? 0 : Math.max(0, bytes - (await allocatedAt(cache.partial(hash))))
      }),
    )
    return left.reduce((total, bytes) => total + bytes, 0)
  }

  async #fetch(file: RemoteFile, onLoaded: (bytes: number) => void): Promise<void> {
    const { cache } = this.#downloads
    const { commit } = this.#listing
    if ((await cache.blobBytes(file.hash)) !== file.bytes) {
      await downloadBlob(file, filePath(this.#id, commit, file.name), this.#downloads, onLoaded)
    }
    await cache.place(file.hash, commit, file.name)
    onLoaded(file.bytes)
  }

  /** Does something for a few names or files at a time; the first failure stops the rest, and is what the caller gets. */
  async each<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> {
    const results: R[] = []
    let next = 0
    const worker = async () => {
      for (let i = next++; i < items.length; i = next++) results[i] = await work(items[i] as T)
    }
    const workers = Array.from({ length: Math.min(this.#downloads.limits.files, items.length) }, () =>
      worker().catch((error) => {
        this.#stop.abort(error)
        throw error
      }),
    )
    await Promise.allSettled(workers)
    if (this.#stop.signal.aborted) throw this.#stop.signal.reason
    return results
  }
}
