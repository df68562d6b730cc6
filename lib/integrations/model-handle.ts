import { Model, QuernError } from '../index.js'
import { show } from '../input/show.js'

/**
 * A loaded model, a promise of one, or what loads it when it is first needed.
 *
 * @example
 * ```ts
 * const handle: ModelHandle = () => load('Qwen/Qwen3-0.6B')
 * ```
 */
export type ModelHandle = Model | PromiseLike<Model> | (() => Model | PromiseLike<Model>)

/** A model that is there at the latest when it is asked for. */
export class LazyModel {
  readonly #open: () => Model | PromiseLike<Model>
  #model: Promise<Model> | undefined

  constructor(handle: ModelHandle) {
    if (typeof handle !== 'function' && !isObject(handle)) throw notModel(handle)
    this.#open = typeof handle === 'function' ? handle : () => handle
  }

  /** Whoever comes while it is being loaded waits for the same. After a failure it is tried again. */
  get(): Promise<Model> {
    this.#model ??= Promise.resolve()
      .then(this.#open)
      .then(expectModel)
      .catch((error: unknown) => {
        this.#model = undefined
        throw error
      })
    return this.#model
  }

  /** Frees what was loaded. It is loaded again when it is asked for. */
  async close(): Promise<void> {
    const model = this.#model
    this.#model = undefined
    await (await model?.catch(() => undefined))?.close()
  }
}

function expectModel(model: unknown): Model {
  if (model instanceof Model) return model
  throw notModel(model)
}

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null
}

function notModel(value: unknown): QuernError {
  const instead = typeof value === 'string' ? `; write () => load(${show(value)})` : ''
  const message = `model: expected a model as load() gives it, a promise of one, or a function that gives one, got ${show(value)}${instead}`
  return new QuernError('invalid_option', message, { value })
}
