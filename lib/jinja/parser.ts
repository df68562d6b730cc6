import { strip } from '../python/text.js'
import { isTrue } from '../python/values.js'
import { ExpressionParser, type Known } from './expressions.js'
import { Lexer } from './lexer.js'
import type { Body, Expression, FilterNode, MacroNode, Program, Statement, Target } from './nodes.js'
import type { Source } from './source.js'

/** The syntax tree of a template. */
export function parse(source: Source, known: Known): Program {
  return new Parser(source, new Lexer(source).tokens(), known).program()
}

/** Parses statements: `parse_…` of each tag that Jinja and the extensions of chat templates have. */
class Parser extends ExpressionParser {
  readonly #blocks = new Map<string, Body>()
  /** Loops around this place, up to the next macro or block, which `break` does not leave. */
  #loops = 0
  /** Loops around this place, whatever is in between. */
  #allLoops = 0

  program(): Program {
    const body = this.#body([], [])
    this.names.finish()
    this.refuseUnknown()
    return { body, blocks: this.#blocks }
  }

  /** The statements up to one of the end tags, which is taken; names that they set are their own. */
  #body(ends: readonly string[], parameters: readonly string[], isolated = false): Body {
    const { result, hidden } = this.names.body(parameters, () => this.#statements(ends), isolated)
    return { statements: result, hidden }
  }

  /** After a tag's own words: its end, then the statements up to an end tag. `this.ending` is the one that came. */
  #block(ends: readonly string[], parameters: readonly string[] = [], isolated = false): Body {
    this.#endOfHead()
    return this.#body(ends, parameters, isolated)
  }

  #endOfHead(): void {
    this.skip('operator', ':')
    this.expect('block_end')
  }

  #statements(ends: readonly string[]): Statement[] {
    return this.deeper(() => {
      const statements: Statement[] = []
      while (!this.is('end')) {
        const { type, text, at } = this.token
        if (type === 'data') {
          this.take()
          statements.push({ kind: 'data', text })
        } else if (type === 'variable_begin') {
          this.take()
          statements.push({ kind: 'print', value: this.tuple(() => false), escapes: this.escapes })
          this.expect('variable_end')
        } else {
          this.take()
          if (this.token.type === 'name' && ends.includes(this.token.text)) return statements
          for (const statement of this.#statement(at)) statements.push(statement)
          this.expect('block_end')
        }
      }
      if (ends.length > 0) this.unexpected(ends.map((end) => `'{% ${end} %}'`).join(' or '))
      return statements
    })
  }

  /** A body that is a function of its own. */
  #function<T>(parse: () => T): T {
    const loops = this.#loops
    this.#loops = 0
    const result = parse()
    this.#loops = loops
    return result
  }

  #statement(at: number): Statement[] {
    const { text: tag } = this.expect('name')
    switch (tag) {
      case 'for':
        return [this.#for(at)]
      case 'if':
        return [this.#if()]
      case 'set':
        return [this.#set()]
      case 'macro': {
        const name = this.#name()
        this.names.set(name)
        return [{ kind: 'macro', macro: this.#macro(name, 'endmacro', at) }]
      }
      case 'call':
        return [this.#call(at)]
      case 'filter': {
        const filter = this.#filters(this.filter(undefined))
        return [{ kind: 'filterBlock', filter, body: this.#blockUntil('endfilter') }]
      }
      case 'with':
        return [this.#with()]
      case 'autoescape':
        return [this.#autoescape()]
      case 'block':
        return [this.#namedBlock(at)]
      case 'generation':
        return [{ kind: 'scope', body: this.#function(() => this.#blockUntil('endgeneration')) }]
      case 'print':
        return this.#print()
      case 'break':
      case 'continue':
        if (this.#loops === 0) this.source.refuse(at, `'${tag}' outside of a loop`)
        return [{ kind: tag }]
      case 'include':
      case 'import':
      case 'from':
      case 'extends':
        return [this.#otherTemplate(tag, at)]
      default:
        return this.source.refuse(
          at,
          `unknown tag '${tag}'${tag.startsWith('end') ? ': nothing that it ends is open' : ''}`,
        )
    }
  }

  #blockUntil(end: string, parameters: readonly string[] = []): Body {
    const body = this.#block([end], parameters)
    this.take()
    return body
  }

  #name(): string {
    const { text, at } = this.expect('name')
    if (['true', 'false', 'none', 'True', 'False', 'None'].includes(text)) {
      this.source.refuse(at, `'${text}' is a constant, expected a name`)
    }
    return text
  }

  /** What is assigned to. Its names count as set only once `setTarget` is called: the value comes first. */
  #target(isEnd: () => boolean, withFields = false): Target {
    const item = (): Expression => {
      if (this.is('operator', '(')) return this.primary()
      const { at } = this.token
      const name = this.#name()
      if (!withFields || !this.skip('operator', '.')) return { kind: 'name', at, name }
      return { kind: 'attribute', at, object: { kind: 'name', at, name }, name: this.expect('name').text }
    }
    return this.#toTarget(this.tuple(isEnd, item))
  }

  #toTarget(expression: Expression): Target {
    const { kind, at } = expression
    if (kind === 'name') {
      if (expression.name === 'loop' && this.#allLoops > 0)
        this.source.refuse(at, "'loop' belongs to the loop")
      return { kind, name: expression.name }
    }
    if (kind === 'attribute' && expression.object.kind === 'name') {
      return { kind: 'field', name: expression.object.name, field: expression.name, at }
    }
    if (kind !== 'tuple') this.source.refuse(at, `expected a name to assign to, got ${kind}`)
    return { kind: 'targets', items: expression.items.map((item) => this.#toTarget(item)), at }
  }

  #setTarget(target: Target): void {
    if (target.kind === 'targets') for (const item of target.items) this.#setTarget(item)
    else if (target.kind === 'field') this.names.read(target.name)
    else this.names.set(target.name)
  }

  #for(at: number): Statement {
    this.#allLoops++
    const target = this.#target(() => this.is('name', 'in'))
    this.expect('name', 'in')
    const items = this.condition(() => this.is('name', 'recursive'))
    const names = namesOf(target)
    const test = this.skip('name', 'if') ? this.names.body(names, () => this.expression()).result : undefined
    const isRecursive = this.skip('name', 'recursive')
    this.#loops++
    const body = this.#block(['endfor', 'else'], ['loop', ...names])
    this.#loops--
    const hasElse = this.take().text === 'else'
    const otherwise = hasElse ? this.#blockUntil('endfor') : { statements: [], hidden: [] }
    this.#allLoops--
    return { kind: 'for', at, target, items, test, isRecursive, body, otherwise }
  }

  #if(): Statement {
    const branches: { test: Expression; statements: Statement[] }[] = []
    let otherwise: Statement[] = []
    for (let ending = 'elif'; ending !== 'endif'; ) {
      if (ending === 'elif') {
        const test = this.names.branch(() => this.condition())
        this.#endOfHead()
        branches.push({
          test,
          statements: this.names.branch(() => this.#statements(['elif', 'else', 'endif'])),
        })
      } else {
        this.#endOfHead()
        otherwise = this.names.branch(() => this.#statements(['endif']))
      }
      ending = this.take().text
    }
    return { kind: 'branches', branches, otherwise }
  }

  #set(): Statement {
    const target = this.#target(() => false, true)
    if (this.skip('operator', '=')) {
      const value = this.tuple(() => false)
      this.#setTarget(target)
      return { kind: 'set', target, value }
    }
    this.#setTarget(target)
    const filter = this.skip('operator', '|') ? this.#filters(this.filter(undefined)) : undefined
    return { kind: 'capture', target, filter, body: this.#blockUntil('endset') }
  }

  #filters(first: FilterNode): FilterNode {
    let filter = first
    while (this.skip('operator', '|')) filter = this.filter(filter)
    return filter
  }

  #macro(name: string | undefined, end: string, at: number, parseCall?: () => void): MacroNode {
    const parameters: string[] = []
    const defaults: Expression[] = []
    const { result, hidden } = this.names.body([], () => {
      if (parseCall === undefined || this.is('operator', '(')) this.#signature(parameters, defaults)
      if (parseCall !== undefined) this.names.outside(parseCall)
      this.#endOfHead()
      const body = this.names.macro(() => this.#function(() => this.#statements([end])))
      this.take()
      return body
    })
    const { result: statements, used } = result
    const place = parameters.indexOf('caller')
    if (used.has('caller') && place >= 0 && place < parameters.length - defaults.length) {
      this.source.refuse(at, "the parameter 'caller' needs a default")
    }
    return {
      name,
      parameters,
      defaults,
      body: { statements, hidden },
      usesCaller: used.has('caller'),
      usesNamed: used.has('kwargs') && !parameters.includes('kwargs'),
      usesPositional: used.has('varargs') && !parameters.includes('varargs'),
    }
  }

  #signature(parameters: string[], defaults: Expression[]): void {
    const { at } = this.expect('operator', '(')
    const known = new Set<string>()
    while (!this.skip('operator', ')')) {
      if (parameters.length > 0) this.expect('operator', ',')
      const name = this.#name()
      if (known.has(name)) this.source.refuse(at, `the parameter '${name}' is there twice`)
      known.add(name)
      parameters.push(name)
      this.names.declare(name)
      if (this.skip('operator', '=')) defaults.push(this.expression())
      else if (defaults.length > 0)
        this.unexpected(`a default for '${name}', as for the parameters before it`)
    }
  }

  #call(at: number): Statement {
    let call: Expression | undefined
    const macro = this.#macro(undefined, 'endcall', at, () => {
      call = this.expression()
    })
    if (call?.kind !== 'call') return this.source.refuse(at, 'expected the call of a macro')
    return { kind: 'callBlock', call, macro }
  }

  #with(): Statement {
    const bindings: [Target, Expression][] = []
    while (!this.is('block_end')) {
      if (bindings.length > 0) this.expect('operator', ',')
      const target = this.#target(() => false)
      this.expect('operator', '=')
      bindings.push([target, this.expression()])
    }
    const names = bindings.flatMap(([target]) => namesOf(target))
    return { kind: 'with', bindings, body: this.#blockUntil('endwith', names) }
  }

  #autoescape(): Statement {
    const outer = this.escapes
    const value = this.expression()
    if (value.kind !== 'constant') this.escapes = 'running'
    else if (outer !== 'running') this.escapes = isTrue(value.value)
    const body = this.#blockUntil('endautoescape')
    this.escapes = outer
    return { kind: 'autoescape', value, body }
  }

  #namedBlock(at: number): Statement {
    const name = this.#name()
    if (this.#blocks.has(name)) this.source.refuse(at, `the block '${name}' is there twice`)
    const isScoped = this.skip('name', 'scoped')
    const isRequired = this.skip('name', 'required')
    const outer = this.escapes
    this.escapes = false
    const body = this.#function(() => this.#block(['endblock'], [], true))
    this.escapes = outer
    this.take()
    this.skip('name', name)
    const isBlank = body.statements.every((one) => one.kind === 'data' && strip(one.text, 'both') === '')
    if (isRequired && !isBlank) this.source.refuse(at, 'a required block is empty')
    this.#blocks.set(name, body)
    return isRequired
      ? { kind: 'missing', what: `the block '${name}'`, at }
      : { kind: 'block', name, isScoped }
  }

  #print(): Statement[] {
    const printed: Statement[] = []
    while (!this.is('block_end')) {
      if (printed.length > 0) this.expect('operator', ',')
      printed.push({ kind: 'print', value: this.expression(), escapes: this.escapes })
    }
    return printed
  }

  /** A chat template is alone: what would load another one fails where it runs. */
  #otherTemplate(tag: string, at: number): Statement {
    this.expression()
    while (!this.is('block_end') && !this.is('end')) this.take()
    return { kind: 'missing', what: `another template, for '${tag}'`, at }
  }
}

function namesOf(target: Target): string[] {
  if (target.kind === 'targets') return target.items.flatMap(namesOf)
  return target.kind === 'name' ? [target.name] : []
}
