import { join, resolve } from 'node:path'
import type { ModelHeaders } from '../hub/headers.js'
import type { HubLimits } from '../hub/limits.js'
import type { Repo } from '../hub/repo.js'
import { readRepoUrl } from '../hub/repo-url.js'
import { type FetchedSnapshot, fetchHeaders, fetchSnapshot, type HubOptions } from '../hub/snapshot.js'
import { checkCallback, checkSignal, invalidOption } from '../input/check-option.js'
import { takeOptions } from '../input/take-options.js'
import { readConfig } from './config.js'
import { readFields } from './fields.js'
import { chooseFiles } from './needed-files.js'
import { headerBytes } from './safetensors.js'
import { chooseRevision } from './source.js'

/**
 * What to fetch, and where to.
 *
 * @example
 * ```ts
 * const options: PullOptions = { revision: 'main', cacheDir: '/models' }
 * ```
 */
export interface PullOptions {
  /** A branch, a tag or a commit. Default 'main'. */
  revision?: string | undefined
  /** Where models are kept. Default: the cache of Hugging Face's libraries, by HF_HUB_CACHE or HF_HOME. */
  cacheDir?: string | undefined
  /** Called now and then while files come. */
  onProgress?: ((progress: PullProgress) => void) | undefined
  /** Called when the hub cannot be asked and the cached copy is used. Default: `process.emitWarning`. */
  onWarning?: ((message: string) => void) | undefined
  /** Aborting it stops the download; what has come is kept, and the next one goes on from there. */
  signal?: AbortSignal | undefined
}

/**
 * How far a download is, in bytes. What was there before counts as loaded. A damaged file that is fetched anew makes it fall.
 *
 * @example
 * ```ts
 * const show = ({ loadedBytes, totalBytes }: PullProgress) => console.error(loadedBytes / totalBytes)
 * await pull('Qwen/Qwen3-0.6B', { onProgress: show })
 * ```
 */
export interface PullProgress {
  loadedBytes: number
  totalBytes: number
  /** All files, in the order in which they are fetched. */
  files: readonly { name: string; bytes: number; loadedBytes: number }[]
}

/**
 * A model that is in the cache.
 *
 * @example
 * ```ts
 * const { path, bytes }: PulledModel = await pull('Qwen/Qwen3-0.6B')
 * ```
 */
export interface PulledModel {
  /** The folder that holds its files; absolute. */
  path: string
  /** The commit that the revision stands for. */
  revision: string
  files: { name: string; bytes: number }[]
  /** Of all files. */
  bytes: number
  /** Those that came over the network now. */
  downloadedBytes: number
}

/**
 * Fetches a model from the Hugging Face hub into the cache that Hugging Face's libraries share, unless it is there; `load` with the same
 * id then finds it. The address of the model's page serves as its id. Only the files that quern needs are fetched.
 *
 * @throws {QuernError} `hub_not_found`, `hub_unauthorized`, `hub_rate_limited`, `hub_unavailable`, `hub_offline`, `hub_checksum`,
 * `disk_full`, `write_error`, `unsupported_model`, `unsupported_format`, `invalid_input`, `invalid_option`, `invalid_config`,
 * `invalid_index`, `unsafe_path`; or the reason of an aborted signal.
 * @example
 * ```ts
 * const { path, bytes } = await pull('Qwen/Qwen3-0.6B', { onProgress: ({ loadedBytes, totalBytes }) => console.log(loadedBytes / totalBytes) })
 * console.log(`${bytes} bytes in ${path}`)
 * ```
 */
export async function pull(id: string, options: PullOptions = {}): Promise<PulledModel> {
  const taken = takeOptions('pull', options, known, ['onProgress', 'onWarning', 'signal'])
  checkPullOptions(taken)
  const page = typeof id === 'string' ? readRepoUrl(id) : undefined
  const source = { kind: 'hub', ...(page ?? { id }) } as const
  const chosen = { ...taken, revision: chooseRevision(source, taken) }
  const { path, revision, files, downloadedBytes } = await fetchModel(source.id, chosen)
  const bytes = files.reduce((sum, file) => sum + file.bytes, 0)
  return { path, revision, files, bytes, downloadedBytes }
}

/** pull() without the check of options, and with what tests may set besides. */
export async function fetchModel(
  id: string,
  options: PullOptions,
  limits?: Partial<HubLimits>,
): Promise<FetchedSnapshot> {
  return fetchSnapshot(repoOf(id, options), {
    ...hubOptions(options, limits),
    onProgress: options.onProgress,
    // Gigabytes of a model that cannot be run are better not fetched.
    beforeWeights: async (folder) => void readConfig(await readFields(join(folder, 'config.json'))),
  })
}

/** A model's headers, for inspect(). */
export async function fetchModelHeaders(id: string, options: PullOptions): Promise<ModelHeaders> {
  return fetchHeaders(repoOf(id, options), hubOptions(options))
}

function repoOf(id: string, { revision = 'main' }: PullOptions): Repo {
  return { id, revision }
}

function hubOptions(
  { cacheDir, signal, onWarning = (message) => process.emitWarning(message) }: PullOptions,
  limits?: Partial<HubLimits>,
): HubOptions {
  return {
    rules: { choose: chooseFiles, headerBytes },
    cacheDir: cacheDir === undefined ? undefined : resolve(cacheDir),
    onWarning,
    signal,
    limits,
  }
}

const known = ['revision', 'cacheDir', 'onProgress', 'onWarning', 'signal']

function checkPullOptions(options: PullOptions): void {
  for (const name of ['onProgress', 'onWarning'] as const) checkCallback(name, options[name])
  checkSignal(options.signal)
  checkHubOptions(options)
}

/** Refuses what cannot be a revision or a folder. */
export function checkHubOptions({ revision, cacheDir }: Pick<PullOptions, 'revision' | 'cacheDir'>): void {
  if (revision !== undefined && typeof revision !== 'string')
    throw invalidOption('revision', 'a branch, a tag or a commit', revision)
  if (cacheDir !== undefined && (typeof cacheDir !== 'string' || cacheDir === '' || cacheDir.includes('\0')))
    throw invalidOption('cacheDir', 'a path', cacheDir)
}
