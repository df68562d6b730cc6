import { QuernError } from '../errors.js'
import { Budget } from '../python/budget.js'
import { Fault } from '../python/values.js'
import { filters } from './filters.js'
import { Raised } from './globals.js'
import { HostValues } from './host.js'
import { Interpreter } from './interpreter.js'
import type { Program } from './nodes.js'
import { parse } from './parser.js'
import { Source } from './source.js'
import { tests } from './tests.js'

const mostOfMessage = 500

/** A template in the environment that Hugging Face's transformers renders chat templates in. */
export class Template {
  readonly #source: Source
  readonly #program: Program

  /** @throws {QuernError} `invalid_template` with the place, where it is none. */
  constructor(text: string) {
    this.#source = new Source(text)
    this.#program = parse(this.#source, { filters, tests })
  }

  /**
   * @param variables JavaScript's values. They are read, never changed.
   * @param now What `strftime_now` takes for now.
   * @throws {QuernError} `template_error` with the place; `raise_exception`'s message is the error's own. `template_limit` where it takes too
   * long or too much. `invalid_input` for variables that refer to themselves.
   */
  render(variables: Record<string, unknown>, now: Date): string {
    const host = new HostValues()
    const given = host.variables(variables)
    const interpreter = new Interpreter(this.#program, given, new Budget(host), now)
    try {
      return interpreter.render()
    } catch (cause) {
      if (cause instanceof Raised) throw new QuernError('template_error', cause.message)
      const place = `chat template, ${this.#source.place(interpreter.at)}`
      if (cause instanceof Fault) throw new QuernError('template_error', `${place}: ${short(cause.message)}`)
      if (!(cause instanceof RangeError)) throw cause
      // JavaScript's own limits: the stack's depth, the length of a text
      throw new QuernError('template_limit', `${place}: it goes too deep, or makes too much`, { cause })
    }
  }
}

/** A message may quote what the template made: a key of a megabyte. */
function short(message: string): string {
  return message.length <= mostOfMessage ? message : `${message.slice(0, mostOfMessage)}…`
}
