import { Fault, isTrue, type Value } from '../python/values.js'
import { parseBlock } from './blocks.js'
import { parseFor } from './loop.js'
import { parseCall, parseMacro } from './macro.js'
import { Computed, Constant, type Expression } from './nodes.js'
import type { Parser } from './parser.js'
import type { Run, Statement } from './run.js'
import { Scope } from './scope.js'
import { parseTarget, setTarget, type Target } from './targets.js'

/** Parses what comes after a tag's name; what it gives does what the tag says. */
type Tag = (parser: Parser, at: number, name: string) => Statement

function parseIf(parser: Parser): Statement {
  const branches: { test: Expression; statements: Statement }[] = []
  const branch = (...ends: string[]) =>
    parser.within({ isBranch: true }, () => {
      parser.endOfHead()
      return parser.statements(ends)
    })
  let otherwise: Statement | undefined
  let ending = 'elif'
  for (; ending === 'elif'; ending = parser.take().text) {
    const test = parser.within({ isBranch: true }, () => parser.condition())
    branches.push({ test, statements: branch('elif', 'else', 'endif') })
  }
  if (ending === 'else') {
    otherwise = branch('endif')
    parser.take()
  }
  return (run, scope) => {
    const taken = branches.find(({ test }) => isTrue(test.evaluate(run, scope)))?.statements ?? otherwise
    return taken?.(run, scope)
  }
}

function parseSet(parser: Parser): Statement {
  const target = parseTarget(parser, true)
  if (parser.skip('=')) {
    const value = parser.tuple()
    setTarget(parser, target)
    return (run, scope) => {
      target.assign(run, scope, value.evaluate(run, scope))
      return undefined
    }
  }
  setTarget(parser, target)
  const filtered = filters(parser, parser.skip('|'))
  return captured(filtered, parser.block('endset'), (run, scope, value) => target.assign(run, scope, value))
}

const parseFilter: Tag = (parser) => {
  const filtered = filters(parser, true)
  return captured(filtered, parser.block('endfilter'), (run, _scope, value) => run.writeText(value))
}

/** No template can say this name. */
const blockText = '{% %}'

/** The text of a block, through filters where there are any. */
function filters(parser: Parser, areThere: boolean): Expression {
  let value: Expression = new Computed(parser.token.at, (_run, scope) => scope.find(blockText))
  if (!areThere) return value
  do value = parser.filter(value)
  while (parser.skip('|'))
  return value
}

/** Uses what a body writes; nothing where it ends a loop. */
function captured(
  filtered: Expression,
  body: Statement,
  use: (run: Run, scope: Scope, value: Value) => void,
): Statement {
  return (run, scope) => {
    const inner = new Scope(scope)
    const { value, signal } = run.capture(() => body(run, new Scope(scope)))
    inner.values.set(blockText, value)
    if (signal === undefined) use(run, scope, filtered.evaluate(run, inner))
    return signal
  }
}

function parseWith(parser: Parser): Statement {
  const bindings: { target: Target; value: Expression }[] = []
  while (!parser.is('%}')) {
    if (bindings.length > 0) parser.expect(',')
    const target = parseTarget(parser)
    parser.expect('=')
    bindings.push({ target, value: parser.expression() })
  }
  const names = bindings.flatMap(({ target }) => target.names)
  const body = parser.block('endwith', names)
  return (run, scope) => {
    const inner = new Scope(scope)
    for (const { target, value } of bindings) target.assign(run, inner, value.evaluate(run, scope))
    return body(run, inner)
  }
}

function parseAutoescape(parser: Parser): Statement {
  const value = parser.expression()
  let { escapes } = parser.around
  if (!(value instanceof Constant)) escapes = 'running'
  else if (escapes !== 'running') escapes = isTrue(value.value)
  const body = parser.within({ escapes }, () => parser.block('endautoescape'))
  return (run, scope) => {
    const outer = run.autoescape
    const inner = new Scope(scope)
    run.autoescape = isTrue(value.evaluate(run, inner))
    const signal = body(run, inner)
    run.autoescape = outer
    return signal
  }
}

/** What transformers marks as the model's own words: written as it is, with names of its own. */
function parseGeneration(parser: Parser): Statement {
  const body = parser.within({ isInLoop: false }, () => parser.block('endgeneration'))
  return (run, scope) => body(run, new Scope(scope))
}

function parsePrint(parser: Parser): Statement {
  const printed: Statement[] = []
  while (!parser.is('%}')) {
    if (printed.length > 0) parser.expect(',')
    printed.push(parser.print(parser.expression()))
  }
  return (run, scope) => {
    for (const print of printed) print(run, scope)
    return undefined
  }
}

const parseSignal =
  (signal: 'break' | 'continue'): Tag =>
  (parser, at) => {
    if (!parser.around.isInLoop) parser.source.refuse(at, `'${signal}' outside of a loop`)
    return () => signal
  }

/** A chat template is alone: what would load another one fails where it runs. */
const parseOtherTemplate: Tag = (parser, at, name) => {
  parser.expression()
  while (!parser.is('%}') && !parser.is('end')) parser.take()
  return (run) => {
    run.at = at
    throw new Fault(`there is no other template, for '${name}'`)
  }
}

/** The tags that Jinja and the extensions of chat templates have. */
export const tags: ReadonlyMap<string, Tag> = new Map<string, Tag>([
  ['autoescape', parseAutoescape],
  ['block', parseBlock],
  ['break', parseSignal('break')],
  ['call', parseCall],
  ['continue', parseSignal('continue')],
  ['extends', parseOtherTemplate],
  ['filter', parseFilter],
  ['for', parseFor],
  ['from', parseOtherTemplate],
  ['generation', parseGeneration],
  ['if', parseIf],
  ['import', parseOtherTemplate],
  ['include', parseOtherTemplate],
  ['macro', parseMacro],
  ['print', parsePrint],
  ['set', parseSet],
  ['with', parseWith],
])
