import { basename, isAbsolute } from 'node:path'
import { type LoadOptions, load, Model } from '../../index.js'
import { LazyModel, type ModelHandle } from '../model-handle.js'
import { noSuchModel } from './sdk-errors.js'

/** The models that a provider knows. */
export class ModelsByName {
  readonly #given: ReadonlyMap<string, LazyModel> | undefined
  readonly #options: LoadOptions
  readonly #loaded = new Map<string, LazyModel>()

  /** @param models Without them a name is what `load()` takes. */
  constructor(models: Readonly<Record<string, ModelHandle>> | undefined, options: LoadOptions = {}) {
    this.#options = options
    this.#given =
      models && new Map(Object.entries(models).map(([name, handle]) => [name, new LazyModel(handle)]))
  }

  /** Its name and itself. */
  find(given: string | ModelHandle, kind: string): [string, LazyModel] {
    if (typeof given !== 'string') return [nameOf(given), new LazyModel(given)]
    if (this.#given === undefined) return [given, this.#loadable(given)]
    const found = this.#given.get(given)
    if (found) return [given, found]
    const names = [...this.#given.keys()].map((name) => `'${name}'`).join(', ')
    throw noSuchModel(given, kind, `expected one of ${names}`)
  }

  async close(): Promise<void> {
    const models = [...this.#loaded.values()]
    await Promise.all(models.map((model) => model.close()))
  }

  #loadable(source: string): LazyModel {
    const known = this.#loaded.get(source)
    if (known) return known
    const model = new LazyModel(() => load(source, this.#options))
    this.#loaded.set(source, model)
    return model
  }
}

/** A folder's path is nobody's business who reads an answer. */
function nameOf(handle: ModelHandle): string {
  if (!(handle instanceof Model)) return 'quern'
  const { source } = handle.info
  return isAbsolute(source) ? basename(source) : source
}
