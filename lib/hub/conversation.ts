import type { HubLimits } from './limits.js'

/** Why a peer is not listened to any longer: it is silent, or says too little. What it did may be tried again, but not often. */
export class TooSlow extends Error {}

/** Looks at a wait: so many until what is waited for counts as not coming. */
const looks = 16

/**
 * Measures how long a peer lets us wait. Our own time, for writing what came for example, does not count: a wait is looked at again and again,
 * and where a look comes late, because this process was busy or had no core, what it is late by is ours.
 */
export class Conversation {
  readonly #limits: HubLimits
  readonly #giveUp: (error: TooSlow) => void
  readonly #totalMs: number
  #waitedMs = 0
  /** Since the last look at the rate. */
  #windowMs = 0
  #windowBytes = 0

  /** `totalMs` bounds the waiting for all of an answer; `giveUp` must end it. */
  constructor(limits: HubLimits, totalMs: number, giveUp: (error: TooSlow) => void) {
    this.#limits = limits
    this.#totalMs = totalMs
    this.#giveUp = giveUp
  }

  /** Waits for something to come, but not for ever. */
  async wait<T>(coming: Promise<T>): Promise<T> {
    const { stallMs } = this.#limits
    const leftMs = Math.max(1, this.#totalMs - this.#waitedMs)
    const betweenMs = Math.max(1, Math.min(stallMs, leftMs) / looks)
    let waited = 0
    let looked = performance.now()
    const sinceLook = () => Math.min(betweenMs, performance.now() - looked)
    let left = looks
    const watch = setInterval(() => {
      waited += sinceLook()
      looked = performance.now()
      if (--left === 0)
        this.#giveUp(leftMs < stallMs ? this.#noEnd() : new TooSlow(`nothing came for ${seconds(stallMs)}`))
    }, betweenMs)
    try {
      return await coming
    } finally {
      clearInterval(watch)
      waited += sinceLook()
      this.#waitedMs += waited
      this.#windowMs += waited
    }
  }

  /**
   * Notes what came.
   *
   * @throws {TooSlow}
   */
  came(bytes: number): void {
    const { rateMs, minBytesPerSecond } = this.#limits
    this.#windowBytes += bytes
    if (this.#waitedMs > this.#totalMs) throw this.#noEnd()
    if (this.#windowMs < rateMs) return
    if (this.#windowBytes < (minBytesPerSecond * this.#windowMs) / 1e3)
      throw new TooSlow(`${this.#windowBytes} bytes came in ${seconds(this.#windowMs)}`)
    this.#windowMs = 0
    this.#windowBytes = 0
  }

  #noEnd(): TooSlow {
    return new TooSlow(`no end came within ${seconds(this.#totalMs)}`)
  }
}

function seconds(milliseconds: number): string {
  return `${Math.round(milliseconds / 100) / 10} s`
}
