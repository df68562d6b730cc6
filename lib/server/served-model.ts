import { expectDevice } from '../model/choose-device.js'
import { takeLoadOptions } from '../model/load-options.js'
import { type LoadOptions, type LoadProgress, load, Model, type ModelInfo, QuernError } from '../index.js'
import type { ApiError } from './api-error.js'
import { DeviceTrouble } from './device-trouble.js'
import { type ModelLog, modelLog } from './log/log-model.js'
import type { Logger } from './log/logger.js'
import { isOfDevice, shareDevice } from './of-device.js'
import { closing } from './running-calls.js'
import type { Neighbour, SharedDevices } from './shared-devices.js'

/**
 * A model that the server loads when it is first asked for, and again after its device failed.
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
  /** To be told of what a request failed with: where its device did, the model is of no more use. */
  failed(error: unknown): void
  /** To be told of a request that it computed to the end. */
  worked(): void
  release(): void
}

/** @throws {QuernError} where one that is to be loaded insists on a device that cannot be used. */
export async function expectDevices(models: Readonly<Record<string, Model | ModelSource>>): Promise<void> {
  for (const given of Object.values(models))
    if (!(given instanceof Model)) await expectDevice(given.options ?? {})
}

/** One of the models of a server. */
export class ServedModel implements Neighbour {
  readonly name: string
  /** Seconds since 1970. */
  readonly created = Math.floor(Date.now() / 1000)
  readonly #source: ModelSource | undefined
  readonly #log: ModelLog
  readonly #trouble: DeviceTrouble
  readonly #devices: SharedDevices
  readonly #ending = new AbortController()
  #loading: Promise<Model> | undefined
  #progress: LoadProgress | undefined
  #model: Model | undefined
  #leases = 0
  /** Leases of each model, of those too that are served no more. */
  readonly #users = new Map<Model, number>()
  #freed: Promise<unknown> = Promise.resolve()
  #idle: NodeJS.Timeout | undefined

  /** @throws {QuernError} `invalid_option`, `unsupported_option` for what `load()` would refuse. */
  constructor(name: string, given: Model | ModelSource, logger: Logger, devices: SharedDevices) {
    this.name = name
    this.#log = modelLog(name, logger)
    this.#trouble = new DeviceTrouble(this.#log)
    this.#devices = devices
    if (given instanceof Model) this.#model = given
    else this.#source = { ...given, options: takeOptionsOf(name, given) }
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

  /** Why it cannot be used: its device failed, and it cannot be loaded again, or not yet. */
  get outage(): ApiError | undefined {
    return this.#trouble.outage
  }

  /** @throws {ApiError} 503 where its device failed so often that it is not to be loaded yet. Otherwise what `load()` throws. */
  async lease(): Promise<Lease> {
    clearTimeout(this.#idle)
    this.#leases++
    let model: Model | undefined
    let isHeld = true
    const release = () => {
      if (isHeld) this.#release(model)
      isHeld = false
    }
    try {
      const loaded = await this.load()
      model = loaded
      this.#users.set(loaded, (this.#users.get(loaded) ?? 0) + 1)
      return {
        name: this.name,
        model: loaded,
        failed: (error) => this.#failed(loaded, error),
        worked: () => this.#worked(loaded),
        release,
      }
    } catch (error) {
      release()
      throw error
    }
  }

  /** Whoever comes while it is being loaded waits for the same. After a failure it is tried again. */
  load(): Promise<Model> {
    if (this.#model) return Promise.resolve(this.#model)
    this.#loading ??= this.#loadAnew().finally(() => {
      this.#loading = undefined
      this.#progress = undefined
    })
    return this.#loading
  }

  isBusyOn(gpu: number | undefined): boolean {
    return this.#isOn(gpu) && this.#leases > 0
  }

  async clearDevice(gpu: number | undefined): Promise<void> {
    if (this.#isOn(gpu) && this.#leases === 0) await this.#unload()
    await this.freeLost()
  }

  /** Whoever still has one of a device that failed was told, and holds the device. */
  async freeLost(): Promise<void> {
    if (!this.#source) return
    for (const model of this.#users.keys()) if (model !== this.#model) this.#free(model)
    await this.#freed
  }

  neighbourFailed(name: string, device: ModelInfo): void {
    const model = this.#model
    if (!this.#source || !model || !shareDevice(model.info, device)) return
    this.#trouble.failedAlong(name, this.#users.has(model))
    this.#letGo(model)
  }

  deviceWorks(gpu: number | undefined): void {
    if (!this.#source) return
    const wanted = gpuOf(this.#source.options)
    if (wanted === undefined || wanted === gpu) this.#trouble.mayBeOver()
  }

  /** For good: what is being loaded is given up. */
  async close(): Promise<void> {
    this.#ending.abort(closing())
    if (this.#source) for (const model of this.#users.keys()) this.#free(model)
    await this.#unload()
  }

  async #loadAnew(): Promise<Model> {
    this.#trouble.expectPatience()
    const { source, options } = this.#source ?? {}
    const signals = [this.#ending.signal, ...(options?.signal ? [options.signal] : [])]
    const onProgress = (progress: LoadProgress) => {
      this.#progress = progress
      options?.onProgress?.(progress)
    }
    await this.freeLost() // its memory is wanted
    const given = { ...options, onProgress, signal: AbortSignal.any(signals) }
    try {
      // A GPU that failed is given back when no model holds it any more.
      if (this.#trouble.isLost) await this.#devices.freeLost()
      const model = await this.#loadOnClearDevice(source, given)
      this.#model = model
      this.#trouble.loaded(model.info)
      this.#devices.loaded(model.info)
      return model
    } catch (error) {
      this.#trouble.notLoaded(error)
      throw error
    }
  }

  /** Where the GPU fails, or has failed under another model, it is tried once more when nobody holds it. */
  async #loadOnClearDevice(source: string | undefined, options: LoadOptions): Promise<Model> {
    const { failures } = this.#devices
    try {
      const model = await load(source, options)
      const hasFledToCpu = model.info.device === 'cpu' && options.device !== 'cpu'
      if (!hasFledToCpu || this.#devices.failures === failures) return model
      await model.close()
    } catch (error) {
      if (!(error instanceof QuernError && error.code === 'device_failed')) throw error
    }
    await this.#devices.clear(gpuOf(options))
    return load(source, options)
  }

  async #unload(): Promise<void> {
    clearTimeout(this.#idle)
    if (!this.#source) return
    const model = this.#model ?? (await this.#loading?.catch(() => undefined))
    this.#model = undefined
    if (model) this.#free(model)
    await this.#freed
  }

  #free(model: Model): void {
    const freed = model.close().catch((error) => this.#log('error', 'could not be freed', error))
    this.#freed = Promise.all([this.#freed, freed])
  }

  #release(model: Model | undefined): void {
    if (model) this.#unuse(model)
    const { unloadAfter } = this.#source ?? {}
    if (--this.#leases > 0 || unloadAfter === undefined) return
    this.#idle = setTimeout(() => void this.#unload(), 1e3 * unloadAfter).unref()
  }

  #unuse(model: Model): void {
    const users = (this.#users.get(model) ?? 0) - 1
    if (users > 0) this.#users.set(model, users)
    else this.#users.delete(model)
    if (users <= 0 && model !== this.#model && this.#source) this.#free(model)
  }

  #failed(model: Model, error: unknown): void {
    if (!isOfDevice(error) || model !== this.#model) return
    if (this.#source) {
      this.#letGo(model)
      this.#trouble.failed(error)
    } else {
      if (this.outage) return
      this.#trouble.failedForGood(error)
    }
    this.#devices.failed(this.name, model.info)
  }

  /** One whose device failed is served no more, and freed once the requests that have it were told. */
  #letGo(model: Model): void {
    this.#model = undefined
    if (!this.#users.has(model)) this.#free(model)
  }

  #isOn(gpu: number | undefined): boolean {
    const { device, deviceIndex } = this.#model?.info ?? { device: 'cpu' }
    return device !== 'cpu' && (gpu === undefined || gpu === deviceIndex)
  }

  #worked(model: Model): void {
    if (model === this.#model) this.#trouble.worked()
  }
}

/** The one GPU that the options insist on. */
function gpuOf({ device }: LoadOptions = {}): number | undefined {
  const [, number] = /^cuda:(\d+)$/.exec(device ?? '') ?? []
  return number === undefined ? undefined : Number(number)
}

function takeOptionsOf(name: string, { options = {} }: ModelSource): LoadOptions {
  try {
    return takeLoadOptions(options)
  } catch (error) {
    if (!(error instanceof QuernError)) throw error
    const { code, message, value } = error
    throw new QuernError(code, `models.${name}.options: ${message}`, { value })
  }
}
