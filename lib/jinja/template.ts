import { QuernError } from '../errors.js'
import { Budget } from '../python/budget.js'
import { HostValues } from '../python/host.js'
import { Fault } from '../python/values.js'
import { Raised } from './globals.js'
import { Parser } from './parser.js'
import { Run, type Statement } from './run.js'
import { Source } from './source.js'

const mostOfMessage = 500

/** A template in the environment that Hugging Face's transformers renders chat templates in. */
export class Template {
  readonly #source: Source
  readonly #body: Statement
  readonly #blocks: ReadonlyMap<string, Statement>

  /** @throws {QuernError} `invalid_template` with the place, where it is none. */
  constructor(text: string) {
    this.#source = new Source(text)
    try {
      const parser = new Parser(this.#source)
      this.#body = parser.template()
      this.#blocks = parser.blocks
    } catch (cause) {
      if (!(cause instanceof RangeError)) throw cause
      throw new QuernError('invalid_template', 'chat template: a text or a number in it is too long', {
        cause,
      })
    }
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
    const run = new Run(new Budget(host), now, given, this.#blocks)
    try {
      this.#body(run, run.top)
      return run.output
    } catch (cause) {
      if (cause instanceof Raised) throw new QuernError('template_error', cause.message)
      const place = `chat template, ${this.#source.place(run.at)}`
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
