import { toList } from '../python/operators.js'
import { Fault, type Value } from '../python/values.js'
import { Namespace } from './globals.js'
import type { Parser } from './parser.js'
import type { Run } from './run.js'
import type { Scope } from './scope.js'

/** What is assigned to: a name, a namespace's attribute, or several. */
export interface Target {
  /** Names that it sets. */
  readonly names: readonly string[]
  /** Names of the namespaces that it changes. */
  readonly namespaces: readonly string[]
  assign(run: Run, scope: Scope, value: Value): void
}

/** Its names count as set only once `setTarget` is called: the value comes first. */
export function parseTarget(parser: Parser, withFields = false): Target {
  const { at } = parser.token
  const targets = [one(parser, withFields)]
  while (parser.skip(',')) targets.push(one(parser, withFields))
  return targets.length === 1 ? (targets[0] as Target) : several(targets, at)
}

export function setTarget(parser: Parser, target: Target): void {
  for (const name of target.namespaces) parser.readName(name)
  for (const name of target.names) parser.setName(name)
}

function one(parser: Parser, withFields: boolean): Target {
  const { at } = parser.token
  if (parser.skip('(')) {
    const targets = parser.deeper(() => parser.items(')', () => one(parser, false)))
    return parser.closesTuple(targets) ? several(targets, at) : (targets[0] as Target)
  }
  const name = parser.assignedName()
  if (withFields && parser.skip('.')) return fieldOf(name, parser.expect('name').text, at)
  if (name === 'loop' && parser.around.hasLoop) parser.source.refuse(at, "'loop' belongs to the loop")
  const assign: Target['assign'] = (_run, scope, value) => scope.values.set(name, value)
  return { names: [name], namespaces: [], assign }
}

function fieldOf(name: string, field: string, at: number): Target {
  return {
    names: [],
    namespaces: [name],
    assign: (run, scope, value) => {
      const namespace = scope.find(name)
      run.at = at
      if (!(namespace instanceof Namespace))
        throw new Fault('cannot assign attribute on non-namespace object')
      namespace.values.set(field, value, run.budget)
    },
  }
}

function several(targets: readonly Target[], at: number): Target {
  return {
    names: targets.flatMap(({ names }) => names),
    namespaces: targets.flatMap(({ namespaces }) => namespaces),
    assign: (run, scope, value) => {
      run.at = at
      const items = toList(value, run.budget)
      if (items.length !== targets.length)
        throw new Fault(`expected ${targets.length} values to unpack, got ${items.length}`)
      targets.forEach((target, i) => {
        target.assign(run, scope, items[i] as Value)
      })
    },
  }
}
