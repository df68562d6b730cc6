import { binary } from '../python/arithmetic.js'
import { placeOrName } from '../python/numbers.js'
import { compare, equal, iterate, markup, toList } from '../python/operators.js'
import { str } from '../python/print.js'
import { intOf, type Native, textOf } from '../python/signature.js'
import { reversed, split } from '../python/text.js'
import { joined } from '../python/text-methods.js'
import {
  asText,
  Dict,
  Fault,
  hashOf,
  isTrue,
  Markup,
  Range,
  Stream,
  Tuple,
  typeName,
  Undefined,
  type Value,
  View,
} from '../python/values.js'
import type { Functions, Run } from './run.js'

type Getter = (item: Value) => Value

function ignoreCase(run: Run, value: Value): Value {
  const text = asText(value)
  if (text === undefined) return value
  run.budget.text(text.length)
  return text.toLowerCase()
}

/** Looks up 'address.city' or 'pair.0' in an item, by the environment's rules. */
function getter(run: Run, attribute: Value, fallback: Value = null, caseSensitive: Value = true): Getter {
  const text = asText(attribute)
  const path: Value[] =
    text === undefined
      ? attribute === null
        ? []
        : [attribute]
      : split(text, '.', Number.POSITIVE_INFINITY, run.budget).map(placeOrName)
  return (item) => {
    let value = item
    for (const part of path) {
      run.budget.spend(1)
      value = run.item(value, part)
      if (fallback !== null && value instanceof Undefined) value = fallback
    }
    return isTrue(caseSensitive) ? value : ignoreCase(run, value)
  }
}

function sorted<T>(run: Run, items: T[], key: (item: T) => Value, reverse: Value): T[] {
  const keyed = items.map((item) => ({ item, key: key(item) }))
  const sign = isTrue(reverse) ? -1 : 1
  keyed.sort((a, b) => sign * compare('<', a.key, b.key, run.budget))
  return keyed.map(({ item }) => item)
}

function sort(run: Run, value: Value, reverse: Value, caseSensitive: Value, attribute: Value): Value {
  const text = asText(attribute)
  const attributes = text === undefined ? [attribute] : split(text, ',', Number.POSITIVE_INFINITY, run.budget)
  const getters = attributes.map((one) => getter(run, one, null, caseSensitive))
  return sorted(run, toList(value, run.budget), (item) => getters.map((get) => get(item)), reverse)
}

function dictSort(run: Run, value: Value, caseSensitive: Value, by: Value, reverse: Value): Value {
  if (by !== 'key' && by !== 'value') throw new Fault('You can only sort by either "key" or "value"')
  if (!(value instanceof Dict)) throw new Fault(`dictsort: expected a mapping, got ${typeName(value)}`)
  run.budget.list(value.size())
  const pairs = [...value.entries.values()]
  const key = (pair: readonly [Value, Value]) => {
    const one = pair[by === 'key' ? 0 : 1]
    return isTrue(caseSensitive) ? one : ignoreCase(run, one)
  }
  return sorted(run, pairs, key, reverse).map((pair) => new Tuple([...pair]))
}

const extreme =
  (isBetter: (order: number) => boolean) =>
  (run: Run, value: Value, caseSensitive: Value, attribute: Value): Value => {
    const get = getter(run, attribute, null, caseSensitive)
    let best: { item: Value; key: Value } | undefined
    for (const item of iterate(value, run.budget)) {
      const one = { item, key: get(item) }
      if (best === undefined || isBetter(compare('<', one.key, best.key, run.budget))) best = one
    }
    return best === undefined ? new Undefined(() => 'No aggregated item, sequence was empty.') : best.item
  }

function groupBy(run: Run, value: Value, attribute: Value, fallback: Value, caseSensitive: Value): Value {
  const key = getter(run, attribute, fallback, caseSensitive)
  const shown = getter(run, attribute, fallback)
  const groups: { key: Value; items: Value[] }[] = []
  for (const item of sorted(run, toList(value, run.budget), key, false)) {
    const one = key(item)
    const last = groups.at(-1)
    if (last !== undefined && equal(last.key, one, run.budget)) last.items.push(item)
    else groups.push({ key: one, items: [item] })
  }
  const names = ['grouper', 'list']
  return groups.map(({ items }) => new Tuple([shown(items[0] as Value), items], names))
}

function sum(run: Run, value: Value, attribute: Value, start: Value): Value {
  const get = getter(run, attribute)
  if (asText(start) !== undefined) throw new Fault("sum() can't sum strings")
  let total = start
  for (const item of iterate(value, run.budget)) total = binary('+', total, get(item), run.budget)
  return total
}

function join(run: Run, value: Value, separator: Value, attribute: Value): Value {
  const get = getter(run, attribute)
  const items = Array.from(iterate(value, run.budget), get)
  const isHtml =
    run.autoescape && (separator instanceof Markup || items.some((item) => item instanceof Markup))
  const text = (one: Value) => (isHtml ? markup(one, run.budget) : str(one, run.budget))
  const result = joined(run, text(separator), items.map(text))
  return isHtml ? new Markup(result) : result
}

/** What can be gone through from its end; undefined where that takes a copy. */
function backwards(run: Run, value: Value): Value[] | undefined {
  const text = asText(value)
  const isReversible =
    Array.isArray(value) || [Tuple, Dict, Range, View, Undefined].some((type) => value instanceof type)
  return text !== undefined || isReversible ? toList(value, run.budget).slice().reverse() : undefined
}

function reverse(run: Run, value: Value): Value {
  const text = asText(value)
  if (text !== undefined) {
    run.budget.characters(text.length)
    return value instanceof Markup ? new Markup(reversed(text)) : reversed(text)
  }
  const items = backwards(run, value)
  return items === undefined ? toList(value, run.budget).reverse() : new Stream(items, 'reversed')
}

function* batch(run: Run, value: Value, size: Value, fill: Value): Iterable<Value> {
  let row: Value[] = []
  const count = intOf(size)
  for (const item of iterate(value, run.budget)) {
    if (row.length === count) {
      yield row
      row = []
    }
    row.push(item)
  }
  if (row.length === 0) return
  const missing = fill === null ? 0 : Math.max(0, count - row.length)
  run.budget.list(missing)
  yield [...row, ...Array<Value>(missing).fill(fill)]
}

function* slices(run: Run, value: Value, count: Value, fill: Value): Iterable<Value> {
  const items = toList(value, run.budget)
  const number = intOf(count)
  if (number === 0) throw new Fault('integer division or modulo by zero')
  const size = Math.floor(items.length / number)
  const longer = items.length - size * number
  for (let i = 0, start = 0; i < number; i++) {
    run.budget.spend(1)
    const end = start + size + (i < longer ? 1 : 0)
    const slice = items.slice(start, end)
    yield fill !== null && i >= longer ? [...slice, fill] : slice
    start = end
  }
}

function* unique(run: Run, value: Value, caseSensitive: Value, attribute: Value): Iterable<Value> {
  const get = getter(run, attribute, null, caseSensitive)
  const seen = new Set<unknown>()
  for (const item of iterate(value, run.budget)) {
    const hash = hashOf(get(item), run.budget)
    if (seen.has(hash)) continue
    seen.add(hash)
    yield item
  }
}

function* map(run: Run, value: Value, args: Value[], named: Dict): Iterable<Value> {
  if (!isTrue(value)) return
  const apply = mapping(run, args, named)
  for (const item of iterate(value, run.budget)) yield apply(item)
}

/** Named arguments that are passed on. */
const optionsOf = (named: Dict) =>
  new Map(Array.from(named.entries.values(), ([name, value]) => [name as string, value]))

function mapping(run: Run, args: Value[], named: Dict): Getter {
  const options = optionsOf(named)
  if (args.length === 0 && options.has('attribute')) {
    const attribute = options.get('attribute') as Value
    const fallback = options.get('default')
    options.delete('attribute')
    options.delete('default')
    if (options.size > 0) throw new Fault(`Unexpected keyword argument '${[...options.keys()][0]}'`)
    return getter(run, attribute, fallback)
  }
  const [name, ...rest] = args
  if (name === undefined) throw new Fault('map requires a filter argument')
  return (item) => run.filter(textOf(name), { positional: [item, ...rest], named: options })
}

/** `select` and its like: the items, or those whose attribute, that pass a test or don't; without a test those that count as true. */
const selection = (isWanted: boolean, byAttribute: boolean) =>
  function* (run: Run, value: Value, args: Value[], named: Dict): Iterable<Value> {
    if (!isTrue(value)) return
    if (byAttribute && args.length === 0) throw new Fault('Missing parameter for attribute name')
    const get = byAttribute ? getter(run, args[0] as Value) : (item: Value) => item
    const [name, ...rest] = args.slice(byAttribute ? 1 : 0)
    const options = optionsOf(named)
    for (const item of iterate(value, run.budget)) {
      const tested = get(item)
      const passes =
        name === undefined
          ? isTrue(tested)
          : run.test(textOf(name), { positional: [tested, ...rest], named: options })
      if (passes === isWanted) yield item
    }
  }

/** A function that gives its items one by one, as what a template can go through once. */
const streaming =
  (items: (run: Run, ...values: never[]) => Iterable<Value>): Native<Run> =>
  (run, ...values) =>
    new Stream(items(run, ...(values as never[])))

/** Jinja's filters of lists and mappings. */
export const listFilters: Functions = {
  'batch(value, linecount, fill_with=None)': streaming(batch),
  "dictsort(value, case_sensitive=False, by='key', reverse=False)": dictSort,
  'first(seq)': (run, seq: Value) => {
    const { done, value } = iterate(seq, run.budget)[Symbol.iterator]().next()
    return done ? new Undefined(() => 'No first item, sequence was empty.') : value
  },
  'groupby(value, attribute, default=None, case_sensitive=False)': groupBy,
  'items(value)': streaming(function* (run: Run, value: Value) {
    if (value instanceof Undefined) return
    if (!(value instanceof Dict)) throw new Fault('Can only get item pairs from a mapping.')
    yield* iterate(new View('dict_items', value), run.budget)
  }),
  "join(value, d='', attribute=None)": join,
  'last(seq)': (run, seq: Value) => {
    const items = backwards(run, seq)
    if (items === undefined) throw new Fault(`'${typeName(seq)}' object is not reversible`)
    return items.length === 0 ? new Undefined(() => 'No last item, sequence was empty.') : (items[0] as Value)
  },
  'list(value)': (run, value: Value) => [...iterate(value, run.budget)],
  'map(value, *args, **kwargs)': streaming(map),
  'max(value, case_sensitive=False, attribute=None)': extreme((order) => order > 0),
  'min(value, case_sensitive=False, attribute=None)': extreme((order) => order < 0),
  'reject(value, *args, **kwargs)': streaming(selection(false, false)),
  'rejectattr(value, *args, **kwargs)': streaming(selection(false, true)),
  'reverse(value)': reverse,
  'select(value, *args, **kwargs)': streaming(selection(true, false)),
  'selectattr(value, *args, **kwargs)': streaming(selection(true, true)),
  'slice(value, slices, fill_with=None)': streaming(slices),
  'sort(value, reverse=False, case_sensitive=False, attribute=None)': sort,
  'sum(iterable, attribute=None, start=0)': sum,
  'unique(value, case_sensitive=False, attribute=None)': streaming(unique),
}
