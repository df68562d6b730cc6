import { ExpressionParser } from './expressions.js'
import { Names } from './names.js'
import type { Expression } from './nodes.js'
import { constants } from './operands.js'
import type { Statement } from './run.js'
import { tags } from './tags.js'

/** Parses the statements of a template. What each tag means is in the table of tags. */
export class Parser extends ExpressionParser {
  /** What `{% block %}` defines. */
  readonly blocks = new Map<string, Statement>()

  template(): Statement {
    const body = this.body([], [])
    const [unknown] = this.unknown
    if (unknown !== undefined) this.source.refuse(unknown.at, unknown.message)
    return body
  }

  /** Statements up to one of the end tags, of which the name comes next. */
  statements(ends: readonly string[]): Statement {
    const statements: Statement[] = []
    this.deeper(() => {
      while (!this.is('end')) {
        const { type, text, at } = this.take()
        if (type === 'data') statements.push((run) => run.write(text))
        else if (type === '{{') {
          statements.push(this.print(this.tuple()))
          this.expect('}}')
        } else {
          if (this.token.type === 'name' && ends.includes(this.token.text)) return
          statements.push(this.#tag(at))
          this.expect('%}')
        }
      }
      if (ends.length > 0) this.unexpected(ends.map((end) => `'{% ${end} %}'`).join(' or '))
    })
    return (run, scope) => {
      for (const statement of statements) {
        run.budget.spend(1)
        const signal = statement(run, scope)
        if (signal !== undefined) return signal
      }
      return undefined
    }
  }

  #tag(at: number): Statement {
    const { text } = this.expect('name')
    const parse = tags.get(text)
    if (parse !== undefined) return parse(this, at, text)
    const hint = text.startsWith('end') ? ': nothing that it ends is open' : ''
    return this.source.refuse(at, `unknown tag '${text}'${hint}`)
  }

  print(value: Expression): Statement {
    const { escapes } = this.around
    return (run, scope) => run.print(value.evaluate(run, scope), escapes)
  }

  /** Parses what has names of its own. */
  inner<T>(parameters: readonly string[], parse: () => T, isIsolated = false): T {
    const names = new Names(isIsolated ? undefined : this.around.names)
    return this.within({ names, isBranch: false }, () => {
      for (const name of parameters) this.declareName(name)
      return parse()
    })
  }

  /** Statements with names of their own. */
  body(ends: readonly string[], parameters: readonly string[], isIsolated = false): Statement {
    return this.inner(parameters, () => this.hiding(this.statements(ends)), isIsolated)
  }

  /** What runs without the names that are only set later in the body that it is. */
  hiding(statement: Statement): Statement {
    const { names } = this.around
    return (run, scope) => {
      run.budget.spend(names.hidden.length)
      for (const name of names.hidden) scope.hide(name)
      return statement(run, scope)
    }
  }

  endOfHead(): void {
    this.skip(':')
    this.expect('%}')
  }

  /** After a tag's own words: its end, the statements, and the end tag. */
  block(end: string, parameters: readonly string[] = []): Statement {
    this.endOfHead()
    const body = this.body([end], parameters)
    this.take()
    return body
  }

  setName(name: string): void {
    if (this.around.isBranch) this.around.names.read(name)
    else this.around.names.set(name)
    for (const macro of this.around.macros) macro.set(name)
  }

  /** A name that has a value from the start. */
  declareName(name: string): void {
    this.around.names.read(name)
    for (const macro of this.around.macros) macro.set(name)
  }

  /** A name that gets a value. */
  assignedName(): string {
    const { text, at } = this.expect('name')
    if (Object.hasOwn(constants, text)) this.source.refuse(at, `'${text}' is a constant, expected a name`)
    return text
  }
}
