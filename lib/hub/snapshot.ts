import { join } from 'node:path'
import { QuernError } from '../errors.js'
import { bytesAt, RepoCache } from './cache.js'
import { findCached, readIndex, type Snapshot } from './cached.js'
import { HubClient } from './client.js'
import { allocatedAt, checkSpace, explainDisk } from './disk.js'
import { type Downloads, downloadBlob } from './download.js'
import { type HubEnvironment, readEnvironment } from './environment.js'
import { defaultLimits, type HubLimits } from './limits.js'
import { fetchDescription, fetchListing, filePath, type Listing, type RemoteFile } from './listing.js'
import { chooseFiles, maxIndexBytes, singleName } from './needed-files.js'
import { type DownloadProgress, ProgressMeter } from './progress.js'
import { checkRepo, isCommit, type Repo } from './repo.js'

/** How to fetch a model. */
export interface SnapshotOptions {
  /** Default: what the environment says. */
  cacheDir?: string | undefined
  onProgress?: ((progress: DownloadProgress) => void) | undefined
  onWarning(message: string): void
  signal?: AbortSignal | undefined
  /** Called with the folder when all but the weights is there: what it throws spares their download. */
  beforeWeights?(folder: string): Promise<void>
  limits?: Partial<HubLimits> | undefined
}

/** Where a model's files are once they are all there. */
export interface FetchedSnapshot extends Snapshot {
  /** Bytes that came over the network now. */
  downloadedBytes: number
}

/**
 * Brings a model into the cache and gives the folder. Asks the hub what the revision is today; without an answer, or offline, what the
 * cache has of it is taken. A commit that is there needs no answer.
 */
export async function fetchSnapshot(repo: Repo, options: SnapshotOptions): Promise<FetchedSnapshot> {
  checkRepo(repo)
  options.signal?.throwIfAborted()
  const environment = readEnvironment()
  const cacheDir = options.cacheDir ?? environment.cacheDir
  const cache = new RepoCache(cacheDir, repo.id)
  const cached = await findCached(cache, repo.revision)
  if (cached !== undefined && (environment.offline || isCommit(repo.revision)))
    return { ...cached, downloadedBytes: 0 }
  if (environment.offline) throw explainOffline(repo, cacheDir)
  try {
    return await fetchOnline(repo, environment, cache, cached !== undefined, options)
  } catch (error) {
    options.signal?.throwIfAborted()
    if (cached === undefined || !(error instanceof QuernError) || !mayPass.has(error.code))
      throw explainDisk(error, cacheDir)
    options.onWarning(`${error.message}. The cached copy of ${repo.id} is used, commit ${cached.revision}`)
    return { ...cached, downloadedBytes: 0 }
  }
}

/** Failures that say nothing about the model itself: a copy of it is as good as it was. */
const mayPass: ReadonlySet<string> = new Set(['hub_unavailable', 'hub_rate_limited', 'hub_unauthorized'])

function explainOffline({ id, revision }: Repo, cacheDir: string): QuernError {
  return new QuernError(
    'hub_offline',
    `${id}: revision ${revision} is not complete in ${cacheDir}, and HF_HUB_OFFLINE is set; unset it, or run "quern pull ${id}" where there is a network and bring the folder here`,
    { value: id },
  )
}

async function fetchOnline(
  repo: Repo,
  environment: HubEnvironment,
  cache: RepoCache,
  hasCopy: boolean,
  options: SnapshotOptions,
): Promise<FetchedSnapshot> {
  const limits = { ...defaultLimits, ...options.limits }
  const client = new HubClient(environment, limits)
  // The first failure, or the caller, stops everything that is under way.
  const stop = new AbortController()
  const abort = () => stop.abort(options.signal?.reason)
  options.signal?.addEventListener('abort', abort, { once: true })
  if (options.signal?.aborted) abort()
  try {
    // With a copy at hand nobody should wait for a hub that is down.
    const patience = hasCopy ? { ...limits, attempts: 1, stallMs: limits.stallMs / 3 } : limits
    const asking = hasCopy ? new HubClient(environment, patience) : client
    const listing = await fetchListing(asking, repo, patience, stop.signal)
    const downloads = { client, cache, limits, signal: stop.signal, received: 0 }
    const files = await new Fetching(repo.id, listing, downloads, stop).all(options)
    await cache.noteCommit(repo.revision, listing.commit)
    return {
      path: cache.snapshot(listing.commit),
      revision: listing.commit,
      files: files.map(({ name, bytes }) => ({ name, bytes })),
      downloadedBytes: downloads.received,
    }
  } finally {
    options.signal?.removeEventListener('abort', abort)
  }
}

/** One model's files on their way into the cache. */
class Fetching {
  private readonly id: string
  private readonly listing: Listing
  private readonly downloads: Downloads
  private readonly stop: AbortController

  constructor(id: string, listing: Listing, downloads: Downloads, stop: AbortController) {
    this.id = id
    this.listing = listing
    this.downloads = downloads
    this.stop = stop
  }

  async all({ onProgress, beforeWeights }: SnapshotOptions): Promise<RemoteFile[]> {
    const { cache, limits } = this.downloads
    const { commit, files } = this.listing
    const chosen = chooseFiles(this.id, new Set(files.keys()))
    const small = await this.each(chosen.small, (name) => this.describe(name))
    const weightNames = chosen.index === undefined ? [singleName] : await this.readShards(chosen.index, small)
    const weights = await this.each(weightNames, (name) => this.describe(name))
    const all = [...small, ...weights]
    const missing = await this.missing(all)
    await checkSpace(cache.folder, await this.bytesToCome(missing), limits)
    const meter = new ProgressMeter(all, onProgress)
    for (const file of all) if (!missing.includes(file)) meter.set(file.name, file.bytes)
    const fetch = (file: RemoteFile) => this.fetch(file, (loaded) => meter.set(file.name, loaded))
    await this.each(
      missing.filter((file) => small.includes(file)),
      fetch,
    )
    await beforeWeights?.(cache.snapshot(commit))
    await this.each(
      missing.filter((file) => weights.includes(file)),
      fetch,
    )
    return all
  }

  /** Fetches the index, which then counts as one of the small files. */
  private async readShards(name: string, small: RemoteFile[]): Promise<string[]> {
    const index = await this.describe(name)
    if (index.bytes > maxIndexBytes) {
      throw new QuernError(
        'invalid_index',
        `${this.id}: ${name} has ${index.bytes} bytes, at most ${maxIndexBytes} are read`,
        { value: index.bytes },
      )
    }
    for (const file of await this.missing([index])) await this.fetch(file, () => {})
    small.push(index)
    const names = await readIndex(join(this.downloads.cache.snapshot(this.listing.commit), name))
    const absent = names.find((shard) => !this.listing.files.has(shard))
    if (absent === undefined) return names
    throw new QuernError(
      'invalid_index',
      `${this.id}: ${name} speaks of ${absent}, which the model does not have`,
      {
        value: absent,
      },
    )
  }

  private async describe(name: string): Promise<RemoteFile> {
    const { client, limits, signal } = this.downloads
    const { commit, files } = this.listing
    return files.get(name) ?? fetchDescription(client, this.id, commit, name, limits, signal)
  }

  private async missing(files: readonly RemoteFile[]): Promise<RemoteFile[]> {
    const { cache } = this.downloads
    const sizes = await Promise.all(files.map(({ name }) => cache.bytesOf(this.listing.commit, name)))
    return files.filter(({ bytes }, i) => sizes[i] !== bytes)
  }

  private async bytesToCome(files: readonly RemoteFile[]): Promise<number> {
    const { cache } = this.downloads
    const left = await Promise.all(
      files.map(async ({ hash, bytes }) => {
        const isThere = (await bytesAt(cache.blob(hash))) === bytes
        return isThere ? 0 : Math.max(0, bytes - (await allocatedAt(cache.partial(hash))))
      }),
    )
    return left.reduce((total, bytes) => total + bytes, 0)
  }

  private async fetch(file: RemoteFile, onLoaded: (bytes: number) => void): Promise<void> {
    const { cache } = this.downloads
    const { commit } = this.listing
    if ((await bytesAt(cache.blob(file.hash))) !== file.bytes) {
      await downloadBlob(file, filePath(this.id, commit, file.name), this.downloads, onLoaded)
    }
    await cache.place(file.hash, commit, file.name)
    onLoaded(file.bytes)
  }

  /** Does something for a few names or files at a time; the first failure stops the rest, and is what the caller gets. */
  private async each<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> {
    const results: R[] = []
    let next = 0
    const worker = async () => {
      for (let i = next++; i < items.length; i = next++) results[i] = await work(items[i] as T)
    }
    const workers = Array.from({ length: Math.min(this.downloads.limits.files, items.length) }, () =>
      worker().catch((error) => {
        this.stop.abort(error)
        throw error
      }),
    )
    await Promise.allSettled(workers)
    if (this.stop.signal.aborted) throw this.stop.signal.reason
    return results
  }
}
