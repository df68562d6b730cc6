import { toList } from '../python/operators.js'
import { str } from '../python/print.js'
import { callBuiltin, intOf, tableOf, textOf } from '../python/signature.js'
import { strftime } from '../python/strftime.js'
import { Dict, Fault, Func, Range, Thing, Tuple, type Value } from '../python/values.js'
import type { Functions, Run } from './run.js'

/** The template called `raise_exception`: its message is the error's. */
export class Raised extends Error {}

const mostItems = 100_000

function range(args: Value[]): Range {
  if (args.length < 1 || args.length > 3) throw new Fault('range() takes 1 to 3 arguments')
  const ints = args.map((arg) => (typeof arg === 'bigint' ? arg : BigInt(intOf(arg))))
  const [start = 0n, stop = 0n, step = 1n] = ints.length === 1 ? [0n, ints[0]] : ints
  if (step === 0n) throw new Fault('range() arg 3 must not be zero')
  const distance = step > 0n ? stop - start : start - stop
  const size = step > 0n ? step : -step
  const length = distance > 0n ? (distance + size - 1n) / size : 0n
  if (length > mostItems) throw new Fault(`range() gives at most ${mostItems} items here, not ${length}`)
  return new Range(start, stop, step, Number(length))
}

/** `dict(...)`: of a mapping or of pairs, then of names. */
function dict(run: Run, args: Value[], named: Dict): Dict {
  if (args.length > 1) throw new Fault(`dict expected at most 1 argument, got ${args.length}`)
  const made = new Dict()
  const [source] = args
  if (source instanceof Dict) {
    run.budget.list(source.size() * 4)
    for (const [hash, entry] of source.entries) made.entries.set(hash, entry)
  } else if (source !== undefined) {
    for (const item of toList(source, run.budget)) {
      const pair = toList(item, run.budget)
      if (pair.length !== 2) throw new Fault(`dict() wants pairs, got ${pair.length} items`)
      made.set(pair[0] as Value, pair[1] as Value, run.budget)
    }
  }
  for (const [key, value] of named.entries.values()) made.set(key, value, run.budget)
  return made
}

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
    if (name === 'current') return this.#current
    if (name === 'pos') return BigInt(this.#place)
    if (name === 'items') return new Tuple(this.items)
    if (name === 'reset') {
      return new Func(name, () => {
        this.#place = 0
        return null
      })
    }
    if (name !== 'next') return undefined
    return new Func(name, () => {
      const current = this.#current
      this.#place = (this.#place + 1) % this.items.length
      return current
    })
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
  'range(*args)': (_run, args: Value[]) => range(args),
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
  'strftime_now(format)': (run, format: Value) => strftime(run.now, textOf(format), run.budget),
}
const table = tableOf(functions)
const classes: Record<string, string> = {
  dict: 'dict',
  namespace: 'jinja2.utils.Namespace',
  cycler: 'jinja2.utils.Cycler',
  joiner: 'jinja2.utils.Joiner',
}

/** What every template has besides the variables that it is given. */
export function globals(run: Run): Map<string, Value> {
  const all = new Map<string, Value>()
  for (const [name, builtin] of table) {
    const shown = classes[name] === undefined ? undefined : `<class '${classes[name]}'>`
    all.set(
      name,
      new Func(name, (args) => callBuiltin(builtin, args, run), shown ? 'type' : 'function', shown),
    )
  }
  return all
}
