import type { Writable } from 'node:stream'

const pastesAreMarked = '\x1b[?2004h'
const pastesAreKeys = '\x1b[?2004l'
const deadly = ['SIGHUP', 'SIGINT', 'SIGTERM'] as const

/**
 * Has the terminal mark what is pasted ("bracketed paste"), as long as the process has it: who comes after need not know the marks, so they
 * are off again however the process ends.
 */
export class MarkedPastes {
  readonly #output: Writable

  constructor(output: Writable) {
    this.#output = output
  }

  begin(): void {
    this.again()
    process.once('exit', this.#unmark)
    for (const signal of deadly) process.once(signal, this.#die)
  }

  /** After others had the terminal meanwhile. */
  again(): void {
    this.#output.write(pastesAreMarked)
  }

  end(): void {
    process.off('exit', this.#unmark)
    for (const signal of deadly) process.off(signal, this.#die)
    this.#unmark()
  }

  readonly #unmark = (): void => {
    this.#output.write(pastesAreKeys)
  }

  /** Of the signal, as without us: it comes once more, and nobody listens. */
  readonly #die = (signal: NodeJS.Signals): void => {
    this.end()
    process.kill(process.pid, signal)
  }
}
