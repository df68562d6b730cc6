import type { ModelInfo, QuernError } from '../index.js'
import { ApiError } from './api-error.js'
import type { ModelLog } from './log/log-model.js'
import { isOfDevice } from './of-device.js'
import { RepeatedFailures } from './repeated-failures.js'

/** What is wrong with the device of a served model: what the log and the probes tell of it, and whether it may be tried. */
export class DeviceTrouble {
  readonly #log: ModelLog
  readonly #failures = new RepeatedFailures()
  #isLost = false
  #cause: QuernError | undefined

  constructor(log: ModelLog) {
    this.#log = log
  }

  /** Whether it failed, and the model was not loaded again since. */
  get isLost(): boolean {
    return this.#isLost
  }

  /** Why the model cannot be used: until the process is started anew, or for now. */
  get outage(): ApiError | undefined {
    if (!this.#cause) return this.#pausing()
    const { code } = this.#cause
    const message = `a model's device failed, and it cannot be loaded again (${code}): restart the process; its log says why`
    return new ApiError(503, code, message)
  }

  /** @throws {ApiError} 503 while the model is not to be loaded, for its device failed again and again. */
  expectPatience(): void {
    const pausing = this.#pausing()
    if (pausing) throw pausing
  }

  /** Under a model that can be loaded again. */
  failed(error: QuernError): void {
    this.#isLost = true
    this.#failures.failed()
    this.#log('error', `its device failed${this.#next()}`, error)
  }

  /** Another model was the first to be told. Where this one was computing too, what it computed may be the reason as well. */
  failedAlong(name: string, wasComputing: boolean): void {
    this.#isLost = true
    if (wasComputing) this.#failures.failed()
    this.#log('error', `along with that of model ${name}, its device failed${this.#next()}`)
  }

  /** Under a model that only its owner can load again. */
  failedForGood(error: QuernError): void {
    this.#log('error', 'its device failed, and only its owner can load it again', error)
    this.#cause = error
  }

  /** A GPU that was never there is nothing that a new process would have. */
  notLoaded(error: unknown): void {
    if (!isOfDevice(error) || (error.code === 'no_device' && !this.#isLost)) return
    if (error.code === 'device_failed') this.#failures.failed()
    const { pause } = this.#failures
    const next = pause === 0 ? '' : `; it is not tried again for ${seconds(pause)} s`
    if (!this.#cause || pause > 0)
      this.#log('error', `it cannot be loaded, and the process must be restarted${next}`, error)
    this.#cause = error
  }

  loaded({ device, deviceName = device }: ModelInfo): void {
    const isBack = this.#isLost || this.#cause
    if (isBack && device === 'cpu') this.#log('error', 'it is loaded again on the CPU, for no GPU took it')
    else if (isBack) this.#log('info', `it is loaded again, on ${deviceName}`)
    this.#isLost = false
    this.#cause = undefined
  }

  /** What was in the way of loading it may be gone. */
  mayBeOver(): void {
    this.#cause = undefined
  }

  /** It has computed what a request wanted. */
  worked(): void {
    this.#failures.succeeded()
  }

  #next(): string {
    const { count, pause } = this.#failures
    return pause === 0
      ? '; the next request that wants it loads it again'
      : ` ${count} times in a row: for ${seconds(pause)} s nobody has it loaded again`
  }

  #pausing(): ApiError | undefined {
    const { count, pause } = this.#failures
    if (pause === 0) return undefined
    const left = seconds(pause)
    const message = `a model's device failed ${count} times in a row, and it is not loaded again before ${left} s have passed: the server's log says why`
    return new ApiError(503, 'device_failed', message, { headers: { 'Retry-After': left } })
  }
}

/** Whole ones, as Retry-After has them. */
function seconds(milliseconds: number): string {
  return String(Math.ceil(milliseconds / 1e3))
}
