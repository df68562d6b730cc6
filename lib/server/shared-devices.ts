import type { ModelInfo } from '../index.js'

/** A model as others on its device see it. `gpu`: its number; undefined: any. */
export interface Neighbour {
  /** Whether requests compute with it there. */
  isBusyOn(gpu: number | undefined): boolean
  /** Frees it for now where it is there and nobody uses it; waits for what is being freed. */
  clearDevice(gpu: number | undefined): Promise<void>
  /** Frees what is of a device that failed; waits for all that is being freed. */
  freeLost(): Promise<void>
  /** Another model's device failed: where this one is on it too, it is lost with it. */
  neighbourFailed(name: string, device: ModelInfo): void
  /** A model was loaded there: this one may be as well, whatever was in the way before. */
  deviceWorks(gpu: number | undefined): void
}

/** Milliseconds that a step takes at most, on all but the slowest GPUs. */
const longestStep = 1000

/** The devices that served models share: one that fails is lost to all who are on it, and given back when none of them holds it any more. */
export class SharedDevices {
  readonly #models: () => readonly Neighbour[]
  readonly #failing = new EventTarget()
  #failures = 0

  constructor(models: () => readonly Neighbour[]) {
    this.#models = models
  }

  /** How many have been told so far. */
  get failures(): number {
    return this.#failures
  }

  /** To be told when a model's device failed. */
  failed(name: string, device: ModelInfo): void {
    this.#failures++
    for (const served of this.#models()) served.neighbourFailed(name, device)
    this.#failing.dispatchEvent(new Event('failed'))
  }

  /** To be told when a model was loaded. */
  loaded({ device, deviceIndex }: ModelInfo): void {
    if (device === 'cpu') return
    for (const served of this.#models()) served.deviceWorks(deviceIndex)
  }

  /** Frees what is of devices that failed; waits for it. */
  async freeLost(): Promise<void> {
    await Promise.all(this.#models().map((served) => served.freeLost()))
  }

  /**
   * Frees what is on that GPU, or on any, and not in use; waits for it. Models that compute on one that failed are told so with their next step:
   * that is waited for too, but for no longer than a step takes, as theirs may be another, and well.
   */
  async clear(gpu: number | undefined): Promise<void> {
    const models = this.#models()
    await Promise.all(models.map((served) => served.clearDevice(gpu)))
    if (models.some((served) => served.isBusyOn(gpu))) await this.#nextFailure()
    await this.freeLost()
  }

  #nextFailure(): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer)
        this.#failing.removeEventListener('failed', done)
        resolve()
      }
      const timer = setTimeout(done, longestStep)
      this.#failing.addEventListener('failed', done)
    })
  }
}
