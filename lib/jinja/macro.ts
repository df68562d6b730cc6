import { type Args, Dict, Fault, Func, Tuple, Undefined, type Value } from '../python/values.js'
import { MacroNames } from './names.js'
import { Call, type Expression } from './nodes.js'
import type { Parser } from './parser.js'
import type { Run, Statement } from './run.js'
import { Scope } from './scope.js'

/** A macro, or the block that calls one, with what it takes. */
interface Definition {
  readonly name: string | undefined
  readonly parameters: string[]
  /** Of the last parameters. */
  readonly defaults: readonly Expression[]
  readonly body: Statement
  readonly usesCaller: boolean
  readonly usesNamed: boolean
  readonly usesPositional: boolean
}

/** `{% macro name(parameters) %}`. */
export function parseMacro(parser: Parser, at: number): Statement {
  const name = parser.assignedName()
  parser.setName(name)
  const macro = parseDefinition(parser, name, 'endmacro', at)
  return (run, scope) => {
    scope.values.set(name, new Macro(macro, run, scope))
    return undefined
  }
}

/** `{% call(parameters) macro(…) %}`: calls a macro, which has the block as its `caller`. */
export function parseCall(parser: Parser, at: number): Statement {
  const called: Expression[] = []
  const caller = parseDefinition(parser, undefined, 'endcall', at, () => called.push(parser.expression()))
  const [call] = called
  if (!(call instanceof Call)) return parser.source.refuse(at, 'expected the call of a macro')
  return (run, scope) => run.writeText(call.call(run, scope, new Macro(caller, run, scope)))
}

function parseDefinition(
  parser: Parser,
  name: string | undefined,
  end: string,
  at: number,
  parseCalled?: () => unknown,
): Definition {
  const { names, isBranch, macros } = parser.around
  const parameters: string[] = []
  const defaults: Expression[] = []
  const own = new MacroNames()
  const body = parser.inner([], () => {
    if (parseCalled === undefined || parser.is('(')) parseParameters(parser, parameters, defaults)
    if (parseCalled !== undefined) parser.within({ names, isBranch }, parseCalled)
    parser.endOfHead()
    const surroundings = { macros: [...macros, own], isInLoop: false }
    const statements = parser.within(surroundings, () => parser.statements([end]))
    parser.take()
    return parser.hiding(statements)
  })
  const place = parameters.indexOf('caller')
  const usesCaller = own.used.has('caller')
  if (usesCaller && place >= 0 && place < parameters.length - defaults.length)
    parser.source.refuse(at, "the parameter 'caller' needs a default")
  const usesNamed = own.used.has('kwargs') && !parameters.includes('kwargs')
  const usesPositional = own.used.has('varargs') && !parameters.includes('varargs')
  return { name, parameters, defaults, body, usesCaller, usesNamed, usesPositional }
}

function parseParameters(parser: Parser, parameters: string[], defaults: Expression[]): void {
  const { at } = parser.expect('(')
  const known = new Set<string>()
  parser.items(')', () => {
    const name = parser.assignedName()
    if (known.has(name)) parser.source.refuse(at, `the parameter '${name}' is there twice`)
    known.add(name)
    parameters.push(name)
    parser.declareName(name)
    if (parser.skip('=')) defaults.push(parser.expression())
    else if (defaults.length > 0)
      parser.unexpected(`a default for '${name}', as for the parameters before it`)
  })
}

/** A macro with the names around it. */
class Macro extends Func {
  constructor(
    readonly definition: Definition,
    run: Run,
    scope: Scope,
  ) {
    const { name } = definition
    const shown = `<Macro ${name === undefined ? 'anonymous' : `'${name}'`}>`
    super(name ?? 'caller', (args) => call(definition, args, run, scope), 'Macro', shown)
  }

  override attribute(name: string): Value | undefined {
    const { definition } = this
    return new Map<string, Value>([
      ['name', definition.name ?? null],
      ['arguments', new Tuple(definition.parameters)],
      ['catch_kwargs', definition.usesNamed],
      ['catch_varargs', definition.usesPositional],
      ['caller', definition.usesCaller],
    ]).get(name)
  }
}

function call(macro: Definition, { positional, named }: Args, run: Run, outer: Scope): Value {
  const { name, parameters, defaults } = macro
  run.budget.spend(parameters.length + named.size)
  const scope = new Scope(outer)
  const left = new Map(named)
  const take = (one: string) => {
    const value = left.get(one)
    left.delete(one)
    return value
  }
  const set = (one: string, value: Value | undefined, otherwise: string) =>
    scope.values.set(one, value === undefined ? new Undefined(() => otherwise) : value)
  const extra = positional.slice(parameters.length)
  const missing: number[] = []
  parameters.forEach((parameter, i) => {
    const given = i < positional.length ? positional[i] : take(parameter)
    if (given === undefined) missing.push(i)
    set(parameter, given, `parameter '${parameter}' was not provided`)
  })
  if (macro.usesCaller && !parameters.includes('caller'))
    set('caller', take('caller') ?? undefined, 'No caller defined')
  if (macro.usesNamed) scope.values.set('kwargs', Dict.of(left, run.budget))
  else if (left.size > 0) throw new Fault(`the macro '${name}' takes no argument '${[...left.keys()][0]}'`)
  if (macro.usesPositional) scope.values.set('varargs', new Tuple(extra))
  else if (extra.length > 0)
    throw new Fault(`the macro '${name}' takes ${parameters.length} arguments at most`)
  run.budget.enter()
  const { value } = run.capture(() => {
    for (const i of missing) {
      const fallback = defaults[i - parameters.length + defaults.length]
      if (fallback !== undefined) scope.values.set(parameters[i] as string, fallback.evaluate(run, scope))
    }
    return macro.body(run, scope)
  })
  run.budget.leave()
  return value
}
