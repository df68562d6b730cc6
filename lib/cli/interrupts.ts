/** Ctrl-C at a prompt that streams answers: the first cancels the answer or warns, a second one in a row leaves. */
export class Interrupts {
  #cancel: (() => void) | undefined
  #isArmed = false

  /** Something runs that an interrupt cancels; undefined: nothing does. */
  during(cancel: (() => void) | undefined): void {
    this.#cancel = cancel
  }

  /** The user typed something: the next interrupt is a first one again. */
  reset(): void {
    this.#isArmed = false
  }

  /** An interrupt came. */
  interrupt(): 'leave' | 'cancelled' | 'warn' {
    if (this.#isArmed) return 'leave'
    this.#isArmed = true
    if (this.#cancel === undefined) return 'warn'
    this.#cancel()
    return 'cancelled'
  }
}
