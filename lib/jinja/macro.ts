import { type Args, Dict, Fault, Func, Markup, Tuple, Undefined, type Value } from '../python/values.js'
import type { Interpreter } from './interpreter.js'
import type { MacroNode } from './nodes.js'
import { Scope } from './scope.js'

/** A macro, or the body of a call block, with the names around it. */
export class Macro extends Func {
  constructor(
    readonly node: MacroNode,
    scope: Scope,
    interpreter: Interpreter,
  ) {
    super(
      node.name ?? 'caller',
      (args) => call(node, args, scope, interpreter),
      'Macro',
      `<Macro ${node.name === undefined ? 'anonymous' : `'${node.name}'`}>`,
    )
  }

  override attribute(name: string): Value | undefined {
    switch (name) {
      case 'name':
        return this.node.name ?? null
      case 'arguments':
        return new Tuple(this.node.parameters)
      case 'catch_kwargs':
        return this.node.usesNamed
      case 'catch_varargs':
        return this.node.usesPositional
      case 'caller':
        return this.node.usesCaller
      default:
        return undefined
    }
  }
}

function call(node: MacroNode, { positional, named }: Args, outer: Scope, run: Interpreter): Value {
  const { parameters, defaults } = node
  run.budget.spend(parameters.length + named.size)
  const left = new Map(named)
  const scope = new Scope(outer)
  const missing: number[] = []
  parameters.forEach((name, i) => {
    const given = i < positional.length ? positional[i] : left.get(name)
    if (i >= positional.length) left.delete(name)
    if (given === undefined) {
      scope.values.set(name, new Undefined(() => `parameter '${name}' was not provided`))
      missing.push(i)
    } else scope.values.set(name, given)
  })
  if (node.usesCaller && !parameters.includes('caller')) {
    scope.values.set('caller', left.get('caller') ?? new Undefined(() => 'No caller defined'))
    left.delete('caller')
  }
  const extra = positional.slice(parameters.length)
  if (node.usesNamed) scope.values.set('kwargs', Dict.of(left, run.budget))
  else if (left.size > 0)
    throw new Fault(`the macro '${node.name}' takes no argument '${[...left.keys()][0]}'`)
  if (node.usesPositional) scope.values.set('varargs', new Tuple(extra))
  else if (extra.length > 0)
    throw new Fault(`the macro '${node.name}' takes ${parameters.length} arguments at most`)
  run.budget.enter()
  const text = run.capture(() => {
    for (const i of missing) {
      const value = defaults[i - parameters.length + defaults.length]
      if (value !== undefined) scope.values.set(parameters[i] as string, run.evaluate(value, scope))
    }
    run.body(node.body, scope)
  })
  run.budget.leave()
  return run.autoescape ? new Markup(text) : text
}
