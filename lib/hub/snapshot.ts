import { QuernError } from '../errors.js'
import { onAbort } from '../on-abort.js'
import { RepoCache } from './cache.js'
import { findCached, type Snapshot } from './cached.js'
import { HubClient } from './client.js'
import { explainDisk } from './disk.js'
import type { Downloads } from './download.js'
import { type HubEnvironment, readEnvironment } from './environment.js'
import { Fetching, type FetchOptions } from './fetching.js'
import type { FileRules } from './file-rules.js'
import { type ModelHeaders, readHeaders } from './headers.js'
import { defaultLimits, type HubLimits } from './limits.js'
import { fetchListing } from './listing.js'
import { checkRepo, isCommit, type Repo } from './repo.js'

/** How to reach a model. */
export interface HubOptions {
  rules: FileRules
  /** Default: what the environment says. */
  cacheDir?: string | undefined
  onWarning(message: string): void
  signal?: AbortSignal | undefined
  limits?: Partial<HubLimits> | undefined
}

/** Where a model's files are once they are all there. */
export interface FetchedSnapshot extends Snapshot {
  /** Bytes that came over the network now. */
  downloadedBytes: number
}

/** Brings a model into the cache and gives the folder. */
export async function fetchSnapshot(
  repo: Repo,
  options: HubOptions & FetchOptions,
): Promise<FetchedSnapshot> {
  return askHub<FetchedSnapshot>(repo, options, {
    fromCache: async (cached) => ({ ...cached, downloadedBytes: 0 }),
    async fromHub(fetching, downloads) {
      const snapshot = await fetching.all(options)
      // Only now: until then, the revision stands for what is complete.
      await downloads.cache.noteCommit(repo.revision, snapshot.revision)
      return { ...snapshot, downloadedBytes: downloads.received }
    },
  })
}

/** Gives a folder with a model's small files and with the headers of its weights; of the weights themselves nothing is fetched. */
export async function fetchHeaders(repo: Repo, options: HubOptions): Promise<ModelHeaders> {
  return askHub<ModelHeaders>(repo, options, {
    fromCache: async ({ path, revision }) => ({ folder: path, path, revision, remove: async () => {} }),
    fromHub: readHeaders,
  })
}

/** Where an answer may come from. */
interface Sources<T> {
  fromCache(cached: Snapshot): Promise<T>
  fromHub(fetching: Fetching, downloads: Downloads): Promise<T>
}

/**
 * Asks the hub what the revision is today; without an answer, or offline, what the cache has of it is taken. A commit that is there needs
 * no answer.
 */
async function askHub<T>(repo: Repo, options: HubOptions, sources: Sources<T>): Promise<T> {
  checkRepo(repo)
  options.signal?.throwIfAborted()
  const environment = readEnvironment()
  const cacheDir = options.cacheDir ?? environment.cacheDir
  const cache = new RepoCache(cacheDir, repo.id)
  const cached = await findCached(cache, repo.revision, options.rules)
  if (cached !== undefined && (environment.offline || isCommit(repo.revision)))
    return sources.fromCache(cached)
  if (environment.offline) throw explainOffline(repo, cacheDir)
  try {
    return await askOnline(repo, environment, cache, cached !== undefined, options, sources)
  } catch (error) {
    options.signal?.throwIfAborted()
    if (cached === undefined || !(error instanceof QuernError) || !mayPass.has(error.code))
      throw explainDisk(error, cacheDir)
    options.onWarning(`${error.message}. The cached copy of ${repo.id} is used, commit ${cached.revision}`)
    return sources.fromCache(cached)
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

async function askOnline<T>(
  repo: Repo,
  environment: HubEnvironment,
  cache: RepoCache,
  hasCopy: boolean,
  { rules, signal, limits: given, onWarning }: HubOptions,
  sources: Sources<T>,
): Promise<T> {
  const limits = { ...defaultLimits, ...given }
  // The first failure, or the caller, stops everything that is under way.
  const stop = new AbortController()
  const unlisten = signal && onAbort(signal, () => stop.abort(signal.reason))
  if (signal?.aborted) stop.abort(signal.reason)
  try {
    // With a copy at hand nobody should wait for a hub that is down.
    const patience = hasCopy ? { ...limits, attempts: 1, stallMs: limits.stallMs / 3 } : limits
    const listing = await fetchListing(new HubClient(environment, patience, onWarning), repo, stop.signal)
    const client = new HubClient(environment, limits, onWarning)
    const downloads = { client, cache, limits, signal: stop.signal, received: 0 }
    return await sources.fromHub(new Fetching(repo.id, listing, downloads, rules, stop), downloads)
  } finally {
    unlisten?.()
  }
}
