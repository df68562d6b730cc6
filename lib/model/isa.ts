import { invalidOption } from '../input/check-option.js'
import { native } from '../native/load-binding.js'

/** The instruction sets that this machine can run, the best last, without the one that is for tests alone. */
export function runnableIsas(): string[] {
  return native()
    .machine()
    .isas.filter((name) => !name.endsWith('_twin'))
}

/** Throws `invalid_option` where an `isa` is neither undefined nor 'auto' nor one that this machine can run. */
export function checkIsa(isa: unknown): void {
  if (
    isa === undefined ||
    isa === 'auto' ||
    native()
      .machine()
      .isas.includes(isa as string)
  )
    return
  const choices = ['auto', ...runnableIsas()].map((name) => JSON.stringify(name)).join(', ')
  throw invalidOption('isa', `one that this machine can run: ${choices}`, isa)
}
