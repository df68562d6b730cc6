import { type LoadOptions, type LoadProgress, load, Model, type ModelInfo } from '../index.js'
import { ApiError, clipped } from './api-error.js'
import { closing } from './running-calls.js'

/**
 * A model that the server loads when it is first asked for.
 *
 * @example
 * ```ts
 * const small: ModelSource = { source: 'Qwen/Qwen3-0.6B', options: { contextLength: 8192 }, unloadAfter: 600 }
 * const app = createApp({ models: { small } })
 * ```
 */
export interface ModelSource {
  /** As `load()` takes it. Default: the bundled model. */
  source?: string | undefined
  options?: LoadOptions | undefined
  /** Seconds without a request after which its memory is freed, until it is asked for again. Default: never. */
  unloadAfter?: number | undefined
}

/** A model in use: it stays loaded until `release()`, which may be called again. */
export interface Lease {
  /** Its name here. */
  name: string
  model: Model
  release(): void
}

const longestName = 200

/** The models of a server, by name. The first serves requests that name none. */
export class ServedModels {
  readonly #models: ReadonlyMap<string, ServedModel>
  #preloads = 0

  constructor(models: Readonly<Record<string, Model | ModelSource>>) {
    this.#models = new Map(
      Object.entries(models).map(([name, model]) => [name, new ServedModel(name, model)]),
    )
  }

  all(): ServedModel[] {
    return [...this.#models.values()]
  }

  /**
   * Loads the model if it is not there.
   *
   * @throws {ApiError} 404 for a name that is not served. Otherwise what `load()` throws.
   */
  lease(name?: string): Promise<Lease> {
    return this.named(name).lease()
  }

  /** @throws {ApiError} 404. */
  named(name?: string): ServedModel {
    const served = name === undefined ? this.all()[0] : this.#models.get(name)
    if (served) return served
    const names = [...this.#models.keys()].map((one) => `'${one}'`).join(', ')
    throw new ApiError(
      404,
      'model_not_found',
      `there is no model '${name && clipped(name, longestName)}' here: expected one of ${names}`,
      {
        param: 'model',
      },
    )
  }

  /** Whether `preload()` is under way. */
  get isPreloading(): boolean {
    return this.#preloads > 0
  }

  /**
   * Loads all of them, one after the other; gives what they are.
   *
   * @throws {QuernError} what `load()` throws.
   */
  async preload(): Promise<ModelInfo[]> {
    this.#preloads++
    const infos: ModelInfo[] = []
    try {
      for (const served of this.all()) {
        const { model, release } = await served.lease()
        infos.push(model.info)
        release()
      }
      return infos
    } finally {
      this.#preloads--
    }
  }

  /** Frees what was loaded here. Models that were given loaded stay their owner's. */
  async close(): Promise<void> {
    await Promise.all(this.all().map((served) => served.close()))
  }
}

/** One of them. */
export class ServedModel {
  readonly name: string
  /** Seconds since 1970. */
  readonly created = Math.floor(Date.now() / 1000)
  readonly #source: ModelSource | undefined
  readonly #ending = new AbortController()
  #loading: Promise<Model> | undefined
  #progress: LoadProgress | undefined
  #model: Model | undefined
  #leases = 0
  #idle: NodeJS.Timeout | undefined

  constructor(name: string, given: Model | ModelSource) {
    this.name = name
    if (given instanceof Model) this.#model = given
    else this.#source = given
  }

  /** If it is loaded. */
  get model(): Model | undefined {
    return this.#model
  }

  /** Whether it is being loaded. */
  get isLoading(): boolean {
    return this.#loading !== undefined
  }

  /** How far it is, while it is being loaded and has said so. */
  get progress(): LoadProgress | undefined {
    return this.#progress
  }

  async lease(): Promise<Lease> {
    clearTimeout(this.#idle)
    this.#leases++
    let isHeld = true
    const release = () => {
      if (isHeld) this.#release()
      isHeld = false
    }
    try {
      return { name: this.name, model: await this.load(), release }
    } catch (error) {
      release()
      throw error
    }
  }

  /** Whoever comes while it is being loaded waits for the same. After a failure it is tried again. */
  load(): Promise<Model> {
    if (this.#model) return Promise.resolve(this.#model)
    const { source, options } = this.#source ?? {}
    const signals = [this.#ending.signal, ...(options?.signal ? [options.signal] : [])]
    const onProgress = (progress: LoadProgress) => {
      this.#progress = progress
      options?.onProgress?.(progress)
    }
    this.#loading ??= load(source, { ...options, onProgress, signal: AbortSignal.any(signals) })
      .then((model) => {
        this.#model = model
        return model
      })
      .finally(() => {
        this.#loading = undefined
        this.#progress = undefined
      })
    return this.#loading
  }

  /** For good: what is being loaded is given up. */
  async close(): Promise<void> {
    this.#ending.abort(closing())
    await this.#unload()
  }

  async #unload(): Promise<void> {
    clearTimeout(this.#idle)
    if (!this.#source) return
    const model = this.#model ?? (await this.#loading?.catch(() => undefined))
    this.#model = undefined
    await model?.close()
  }

  #release(): void {
    const { unloadAfter } = this.#source ?? {}
    if (--this.#leases > 0 || unloadAfter === undefined) return
    this.#idle = setTimeout(() => void this.#unload(), 1e3 * unloadAfter).unref()
  }
}
