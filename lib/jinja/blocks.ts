import { strip } from '../python/text.js'
import { Fault, Func, Thing, Undefined, type Value } from '../python/values.js'
import type { Parser } from './parser.js'
import type { Run, Signal, Statement } from './run.js'
import { Scope } from './scope.js'

/** `{% block name %}`: a chat template has no parent, so a block is where it is defined, and what `self` calls again. */
export function parseBlock(parser: Parser, at: number): Statement {
  const name = parser.assignedName()
  if (parser.blocks.has(name)) parser.source.refuse(at, `the block '${name}' is there twice`)
  const isScoped = parser.skip('name', 'scoped')
  const isRequired = parser.skip('name', 'required')
  parser.endOfHead()
  if (isRequired) {
    while (parser.is('data') && strip(parser.token.text, 'both') === '') parser.take()
    if (!parser.is('name', 'endblock', 1)) parser.source.refuse(at, 'a required block is empty')
  }
  const surroundings = { escapes: false, isInLoop: false, macros: [] }
  const body = parser.within(surroundings, () => parser.body(['endblock'], [], true))
  parser.take()
  parser.skip('name', name)
  parser.blocks.set(name, body)
  return (run, scope) => {
    run.at = at
    if (isRequired) throw new Fault(`there is no block '${name}'`)
    return runBlock(name, body, run, isScoped ? scope : contextOf(run))
  }
}

function runBlock(name: string, body: Statement, run: Run, outer: Scope): Signal {
  const scope = new Scope(outer, [
    ['super', new Undefined(() => `there is no parent block called '${name}'`)],
  ])
  run.budget.enter()
  body(run, scope)
  run.budget.leave()
  return undefined
}

/** What a block sees: the context, and what was set at the top level. */
function contextOf({ top, budget }: Run): Scope {
  budget.list(top.values.size * 4)
  return new Scope(
    top.parent,
    [...top.values].filter(([, value]) => !(value instanceof Undefined)),
  )
}

/** The template itself, as `self`: its blocks by their names. */
export class Blocks extends Thing {
  readonly type = 'TemplateReference'

  constructor(
    readonly run: Run,
    readonly blocks: ReadonlyMap<string, Statement>,
  ) {
    super()
  }

  override item(name: string): Value | undefined {
    const body = this.blocks.get(name)
    if (body === undefined) return undefined
    const call = () => this.run.capture(() => runBlock(name, body, this.run, contextOf(this.run))).value
    return new Func(name, call, 'BlockReference')
  }
}
