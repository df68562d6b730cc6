import type { Budget } from '../python/budget.js'
import { markup } from '../python/markup.js'
import { str } from '../python/print.js'
import { type Context, callBuiltin, type Native } from '../python/signature.js'
import { type Args, asText, Fault, isTrue, Markup, typeName, type Value } from '../python/values.js'
import { attributeOf, itemOf } from './access.js'
import { Blocks } from './blocks.js'
import { filters } from './filters.js'
import { globals } from './globals.js'
import { Scope } from './scope.js'
import { tests } from './tests.js'

/** Whether HTML is escaped: as `autoescape` around it says, or only known when it runs. */
export type Escape = boolean | 'running'

/** How a statement ends what is around it. */
export type Signal = 'break' | 'continue' | undefined
export type Statement = (run: Run, scope: Scope) => Signal

/** Filters, tests and global functions by their signatures. */
export type Functions = Readonly<Record<string, Native<Run>>>

/** A template that runs: what its statements write, and what its functions work with. */
export class Run implements Context {
  /** Whether HTML is escaped at this moment. */
  autoescape = false
  /** Where in the source it is. */
  at = 0
  output = ''
  /** What the template's own statements set; around it is the context. */
  readonly top: Scope

  constructor(
    readonly budget: Budget,
    readonly now: Date,
    variables: ReadonlyMap<string, Value>,
    blocks: ReadonlyMap<string, Statement>,
  ) {
    const context = new Scope(undefined, [...globals(this), ...variables])
    this.top = new Scope(context, [['self', new Blocks(this, blocks)]])
  }

  isEscaping(escapes: Escape): boolean {
    return escapes === 'running' ? this.autoescape : escapes
  }

  write(text: string): undefined {
    this.budget.text(text.length)
    this.output += text
    this.budget.size(this.output.length)
  }

  print(value: Value, escapes: Escape): undefined {
    this.write(this.isEscaping(escapes) ? markup(value, this.budget) : str(value, this.budget))
  }

  writeText(value: Value): undefined {
    const text = asText(value)
    if (text === undefined) throw new Fault(`expected a text to write, got ${typeName(value)}`)
    this.write(text)
  }

  /** What a statement writes, instead of writing it. */
  capture(statement: () => Signal): { value: Value; signal: Signal } {
    const outer = this.output
    this.output = ''
    const signal = statement()
    const value = this.autoescape ? new Markup(this.output) : this.output
    this.output = outer
    return { value, signal }
  }

  filter(name: string, args: Args): Value {
    const filter = filters.get(name)
    if (filter === undefined) throw new Fault(`there is no filter '${name}'`)
    return callBuiltin(filter, args, this)
  }

  test(name: string, args: Args): boolean {
    const test = tests.get(name)
    if (test === undefined) throw new Fault(`there is no test '${name}'`)
    return isTrue(callBuiltin(test, args, this))
  }

  attribute(object: Value, name: string): Value {
    return attributeOf(object, name, this)
  }

  item(object: Value, key: Value): Value {
    return itemOf(object, key, this)
  }
}
