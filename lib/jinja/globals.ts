import { dict, range } from '../python/builtins.js'
import { str } from '../python/print.js'
import { callBuiltin, tableOf } from '../python/signature.js'
import { strftime } from '../python/strftime.js'
import { type Args, type Dict, Fault, Func, Thing, Tuple, type Value } from '../python/values.js'
import type { Functions, Run } from './run.js'

/** The template called `raise_exception`: its message is the error's. */
export class Raised extends Error {}

/** What `{% set ns.x = … %}` may change. */
export class Namespace extends Thing {
  readonly type = 'Namespace'

  constructor(readonly values: Dict) {
    super()
  }

  override attribute(name: string): Value | undefined {
    return this.values.entries.get(name)?.[1]
  }

  override repr(inner: (value: Value) => string): string {
    return `<Namespace ${inner(this.values)}>`
  }
}

/** Gives its items in turn, over and over. */
class Cycler extends Thing {
  readonly type = 'Cycler'
  #place = 0

  constructor(readonly items: Value[]) {
    super()
    if (items.length === 0) throw new Fault('at least one item has to be provided')
  }

  get #current(): Value {
    return this.items[this.#place] as Value
  }

  override attribute(name: string): Value | undefined {
    return new Map<string, Value>([
      ['current', this.#current],
      ['pos', BigInt(this.#place)],
      ['items', new Tuple(this.items)],
      ['next', new Func(name, () => this.#next())],
      ['reset', new Func(name, () => this.#reset())],
    ]).get(name)
  }

  #next(): Value {
    const current = this.#current
    this.#place = (this.#place + 1) % this.items.length
    return current
  }

  #reset(): null {
    this.#place = 0
    return null
  }
}

/** Gives nothing the first time, and a separator from then on. */
function joiner(separator: Value): Func {
  let isUsed = false
  const call = () => {
    const text = isUsed ? separator : ''
    isUsed = true
    return text
  }
  return new Func('joiner', call, 'Joiner')
}

const functions: Functions = {
  'range(*args)': range,
  'dict(*args, **kwargs)': dict,
  'namespace(*args, **kwargs)': (run, args: Value[], named: Dict) => new Namespace(dict(run, args, named)),
  'cycler(*items)': (_run, items: Value[]) => new Cycler(items),
  "joiner(sep=', ')": (_run, separator: Value) => joiner(separator),
  'lipsum(n=5, html=True, min=20, max=100)': () => {
    throw new Fault('lipsum() makes random text, which no prompt can want')
  },
  'raise_exception(message)': (run, message: Value) => {
    throw new Raised(str(message, run.budget))
  },
  'strftime_now(format: str)': (run, format: string) => strftime(run.now, format, run.budget),
}
const table = tableOf(functions)
const classes: Record<string, string> = {
  dict: 'dict',
  namespace: 'jinja2.utils.Namespace',
  cycler: 'jinja2.utils.Cycler',
  joiner: 'jinja2.utils.Joiner',
}

/** What every template has besides the variables that it is given. */
export function globals(run: Run): [string, Value][] {
  return Array.from(table, ([name, builtin]) => {
    const shown = classes[name] && `<class '${classes[name]}'>`
    const call = (args: Args) => callBuiltin(builtin, args, run)
    return [name, new Func(name, call, shown === undefined ? 'function' : 'type', shown)]
  })
}
