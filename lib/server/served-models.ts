import type { Model, ModelInfo } from '../index.js'
import { ApiError, clipped } from './api-error.js'
import type { Logger } from './log/logger.js'
import { type ModelSource, ServedModel } from './served-model.js'
import { SharedDevices } from './shared-devices.js'

const longestName = 200

/** The models of a server, by name. The first serves requests that name none. */
export class ServedModels {
  readonly #models: ReadonlyMap<string, ServedModel>
  #preloads = 0

  /** @throws {QuernError} `invalid_option`, `unsupported_option` for what `load()` would refuse. */
  constructor(models: Readonly<Record<string, Model | ModelSource>>, logger: Logger) {
    const devices = new SharedDevices(() => this.all())
    this.#models = new Map(
      Object.entries(models).map(([name, model]) => [name, new ServedModel(name, model, logger, devices)]),
    )
  }

  all(): ServedModel[] {
    return [...this.#models.values()]
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

  /** Why one of them cannot be used. */
  get outage(): ApiError | undefined {
    return this.all().find(({ outage }) => outage)?.outage
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
