import { reversed, sorted, sum } from '../python/builtins.js'
import { markup } from '../python/markup.js'
import { placeOrName } from '../python/numbers.js'
import { compare, equal, iterate, toList } from '../python/operators.js'
import { str } from '../python/print.js'
import { intOf, type Native, textOf } from '../python/signature.js'
import { reversed as reversedText, split } from '../python/text.js'
import { joined } from '../python/text-methods.js'
import {
  asText,
  Dict,
  Fault,
  hashOf,
  isTrue,
  Markup,
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
function getter(run: Run, attribute: Value, fallback: Value = null, caseSensitive = true): Getter {
  const text = asText(attribute)
  const path = text === undefined ? [attribute] : split(text, '.', -1, run.budget).map(placeOrName)
  return (item) => {
    let value = item
    for (const part of attribute === null ? [] : path) {
      run.budget.spend(1)
      value = run.item(value, part)
      if (fallback !== null && value instanceof Undefined) value = fallback
    }
    return caseSensitive ? value : ignoreCase(run, value)
  }
}

function sort(
  run: Run,
  items: Value[],
  isReversed: boolean,
  caseSensitive: boolean,
  attribute: Value,
): Value {
  const text = asText(attribute)
  const attributes = text === undefined ? [attribute] : split(text, ',', -1, run.budget)
  const getters = attributes.map((one) => getter(run, one, null, caseSensitive))
  return sorted(items, (item) => getters.map((get) => get(item)), isReversed, run.budget)
}

function dictSort(run: Run, value: Dict, caseSensitive: boolean, by: string, isReversed: boolean): Value {
  if (by !== 'key' && by !== 'value') throw new Fault('You can only sort by either "key" or "value"')
  run.budget.list(value.size())
  const key = (pair: readonly [Value, Value]) => {
    const one = pair[by === 'key' ? 0 : 1]
    return caseSensitive ? one : ignoreCase(run, one)
  }
  return sorted([...value.entries.values()], key, isReversed, run.budget).map((pair) => new Tuple([...pair]))
}

const extreme =
  (isBetter: (order: number) => boolean) =>
  (run: Run, value: Value, caseSensitive: boolean, attribute: Value): Value => {
    const get = getter(run, attribute, null, caseSensitive)
    let best: { item: Value; key: Value } | undefined
    for (const item of iterate(value, run.budget)) {
      const one = { item, key: get(item) }
      if (best === undefined || isBetter(compare('<', one.key, best.key, run.budget))) best = one
    }
    return best === undefined ? new Undefined(() => 'No aggregated item, sequence was empty.') : best.item
  }

function groupBy(run: Run, all: Value[], attribute: Value, fallback: Value, caseSensitive: boolean): Value {
  const key = getter(run, attribute, fallback, caseSensitive)
  const shown = getter(run, attribute, fallback)
  const groups: { key: Value; items: Value[] }[] = []
  for (const item of sorted(all, key, false, run.budget)) {
    const one = key(item)
    const last = groups.at(-1)
    if (last !== undefined && equal(last.key, one, run.budget)) last.items.push(item)
    else groups.push({ key: one, items: [item] })
  }
  return groups.map(({ items }) => new Tuple([shown(items[0] as Value), items], ['grouper', 'list']))
}

function join(run: Run, value: Value[], separator: Value, attribute: Value): Value {
  const items = value.map(getter(run, attribute))
  const isHtml = run.autoescape && [separator, ...items].some((item) => item instanceof Markup)
  const text = (one: Value) => (isHtml ? markup(one, run.budget) : str(one, run.budget))
  const result = joined(run, text(separator), items.map(text))
  return isHtml ? new Markup(result) : result
}

function reverse(run: Run, value: Value): Value {
  const text = asText(value)
  const items = text === undefined ? reversed(value, run.budget) : undefined
  if (items !== undefined) return new Stream(items, 'reversed')
  if (text === undefined) return toList(value, run.budget).reverse()
  run.budget.characters(text.length)
  return value instanceof Markup ? new Markup(reversedText(text)) : reversedText(text)
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
  const missing = fill === null ? 0 : Math.max(0, count - row.length)
  run.budget.list(missing)
  if (row.length > 0) yield [...row, ...Array<Value>(missing).fill(fill)]
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

function* unique(run: Run, value: Value, caseSensitive: boolean, attribute: Value): Iterable<Value> {
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

function mapping(run: Run, [name, ...rest]: Value[], named: Dict): Getter {
  const options = optionsOf(named)
  if (name !== undefined)
    return (item) => run.filter(textOf(name), { positional: [item, ...rest], named: options })
  const { attribute, default: fallback, ...others } = Object.fromEntries(options)
  if (attribute === undefined) throw new Fault('map requires a filter argument')
  for (const other in others) throw new Fault(`Unexpected keyword argument '${other}'`)
  return getter(run, attribute, fallback)
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
  "dictsort(value: dict, case_sensitive: bool=False, by: str='key', reverse: bool=False)": dictSort,
  'first(seq)': (run, seq: Value) => {
    const { done, value } = iterate(seq, run.budget)[Symbol.iterator]().next()
    return done ? new Undefined(() => 'No first item, sequence was empty.') : value
  },
  'groupby(value: list, attribute, default=None, case_sensitive: bool=False)': groupBy,
  'items(value)': streaming(function* (run: Run, value: Value) {
    if (value instanceof Undefined) return
    if (!(value instanceof Dict)) throw new Fault('Can only get item pairs from a mapping.')
    yield* iterate(new View('dict_items', value), run.budget)
  }),
  "join(value: list, d='', attribute=None)": join,
  'last(seq)': (run, seq: Value) => {
    const items = reversed(seq, run.budget)
    if (items === undefined) throw new Fault(`'${typeName(seq)}' object is not reversible`)
    return items.length === 0 ? new Undefined(() => 'No last item, sequence was empty.') : (items[0] as Value)
  },
  'list(value: list)': (_run, value: Value[]) => value,
  'map(value, *args, **kwargs)': streaming(map),
  'max(value, case_sensitive: bool=False, attribute=None)': extreme((order) => order > 0),
  'min(value, case_sensitive: bool=False, attribute=None)': extreme((order) => order < 0),
  'reject(value, *args, **kwargs)': streaming(selection(false, false)),
  'rejectattr(value, *args, **kwargs)': streaming(selection(false, true)),
  'reverse(value)': reverse,
  'select(value, *args, **kwargs)': streaming(selection(true, false)),
  'selectattr(value, *args, **kwargs)': streaming(selection(true, true)),
  'slice(value, slices, fill_with=None)': streaming(slices),
  'sort(value: list, reverse: bool=False, case_sensitive: bool=False, attribute=None)': sort,
  'sum(iterable, attribute=None, start=0)': (run, value: Value, attribute: Value, start: Value) =>
    sum(value, start, getter(run, attribute), run.budget),
  'unique(value, case_sensitive: bool=False, attribute=None)': streaming(unique),
}
