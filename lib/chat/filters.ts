import type { Budget } from './budget.js'
import {
  isList,
  isMap,
  isNumber,
  isText,
  isUndefined,
  list,
  text,
  toValue,
  undefinedValue,
  type Value,
} from './jinja.js'
import { equal, str, strip, toJson } from './python.js'
import { join, replace, textOf } from './string-methods.js'

interface Arguments {
  positional: Value[]
  named: Map<string, Value>
}

/** Gives undefined where the library's own filter does as Python's. */
type Filter = (operand: Value, args: Arguments, budget: Budget) => Value | undefined

/** Filters that the library lacks, or whose result or size differs from Python's. */
export const filters: Readonly<Record<string, Filter>> = {
  tojson: (operand, args, budget) => {
    const indent = Number(argument(args, 1, 'indent')?.value ?? 0)
    if (!(indent >= 0 && indent <= 16)) throw new Error('tojson: indent is from 0 to 16')
    const separators = argument(args, 2, 'separators')
    const style = {
      indent,
      ensureAscii: argument(args, 0, 'ensure_ascii')?.value === true,
      sortKeys: argument(args, 3, 'sort_keys')?.value === true,
      separators: [indent > 0 ? ',' : ', ', ': '] as [string, string],
    }
    if (separators !== undefined && isList(separators)) {
      style.separators = [textOf(separators.value[0]), textOf(separators.value[1])]
    }
    return text(toJson(operand, style, budget))
  },
  trim: (operand, args, budget) => {
    const characters = argument(args, 0, 'chars')
    return text(strip(str(operand, budget), 'both', characters && textOf(characters)))
  },
  string: (operand, _args, budget) => text(str(operand, budget)),
  length: length,
  count: length,
  join: (operand, args, budget) => {
    const separator = argument(args, 0, 'd') ?? argument(args, 0, 'separator')
    return join(operand, separator === undefined ? '' : textOf(separator), budget)
  },
  replace: (operand, args, budget) => {
    const count = argument(args, 2, 'count')
    const [from, to] = args.positional
    return text(replace(str(operand, budget), textOf(from), textOf(to), Number(count?.value ?? -1), budget))
  },
  list: (operand) => {
    if (isText(operand)) return list(Array.from(operand.value as string, text))
    if (isMap(operand)) return list([...operand.value.keys()].map(text))
    return isUndefined(operand) ? list([]) : undefined
  },
  first: (operand) => end(operand, 0),
  last: (operand) => end(operand, -1),
  default: fallback,
  d: fallback,
  indent: (operand, args, budget) => {
    const width = Number(argument(args, 0, 'width')?.value ?? 4)
    const lines = str(operand, budget).split('\n')
    if (!(width >= 0 && width <= 1000)) throw new Error('indent: width is from 0 to 1000')
    budget.list(lines.length)
    budget.text(operand.value.length + width * lines.length)
    return undefined
  },
  map: (operand, args, budget) => {
    if (isUndefined(operand)) return list([])
    const [name, ...positional] = args.positional
    if (name === undefined || !isList(operand)) return undefined // by attribute
    const filter = textOf(name)
    return list(
      itemsOf(operand).map((item) => mapped(filter, item, { positional, named: args.named }, budget)),
    )
  },
  select: (operand, args, budget) => selected(operand, args, budget, 0, true),
  reject: (operand, args, budget) => selected(operand, args, budget, 0, false),
  selectattr: (operand, args, budget) => selected(operand, args, budget, 1, true),
  rejectattr: (operand, args, budget) => selected(operand, args, budget, 1, false),
  sort: (operand, _args, budget) => {
    if (isList(operand)) budget.spend(operand.value.length * 16)
    return undefined
  },
}

export function applyFilter(
  name: string,
  operand: Value,
  args: Arguments,
  budget: Budget,
): Value | undefined {
  return filters[name]?.(operand, args, budget)
}

const tests: Record<string, (item: Value, wanted: Value, budget: Budget) => boolean> = {
  defined: (item) => !isUndefined(item),
  undefined: isUndefined,
  none: ({ type }) => type === 'NullValue',
  string: isText,
  number: isNumber,
  mapping: isMap,
  equalto: equal,
  eq: equal,
  '==': equal,
  ne: (item, wanted, budget) => !equal(item, wanted, budget),
  '!=': (item, wanted, budget) => !equal(item, wanted, budget),
  gt: (item, wanted) => isNumber(item) && isNumber(wanted) && item.value > wanted.value,
  lt: (item, wanted) => isNumber(item) && isNumber(wanted) && item.value < wanted.value,
  in: (item, wanted, budget) => itemsOf(wanted).some((one) => equal(one, item, budget)),
}

/** The items, or those whose attribute, that pass a test, or don't; without a test those that count as true. */
function selected(
  operand: Value,
  args: Arguments,
  budget: Budget,
  attributes: 0 | 1,
  wanted: boolean,
): Value {
  if (isUndefined(operand)) return list([])
  const path = attributes === 1 ? textOf(args.positional[0]).split('.') : []
  const [name, argument = undefinedValue] = args.positional.slice(attributes)
  const test = name === undefined ? undefined : textOf(name)
  if (test !== undefined && !Object.hasOwn(tests, test)) throw new Error(`unknown test '${test}'`)
  const passes = (item: Value) => {
    budget.spend(1)
    let value = item
    for (const key of path) value = (isMap(value) ? value.value.get(key) : undefined) ?? undefinedValue
    const passed = test === undefined ? value.__bool__().value : tests[test]?.(value, argument, budget)
    return passed === wanted
  }
  return list(itemsOf(operand).filter(passes))
}

function mapped(name: string, item: Value, args: Arguments, budget: Budget): Value {
  const result = Object.hasOwn(filters, name) ? applyFilter(name, item, args, budget) : undefined
  if (result !== undefined) return result
  if (name === 'upper') return text(str(item, budget).toUpperCase())
  if (name === 'lower') return text(str(item, budget).toLowerCase())
  throw new Error(`map: the filter '${name}' is not supported`)
}

function itemsOf(value: Value): Value[] {
  if (!isList(value)) throw new Error(`expected a list, got ${value.type}`)
  return value.value
}

function length(operand: Value): Value | undefined {
  if (isUndefined(operand)) return toValue(0)
  return isText(operand) ? toValue(Array.from(operand.value as string).length) : undefined
}

function end(operand: Value, index: number): Value | undefined {
  if (isUndefined(operand)) return undefinedValue
  if (isText(operand)) {
    const character = Array.from(operand.value as string).at(index)
    return character === undefined ? undefinedValue : text(character)
  }
  return isList(operand) ? (operand.value.at(index) ?? undefinedValue) : undefined
}

function fallback(operand: Value, args: Arguments): Value {
  const replacesFalse = argument(args, 1, 'boolean')?.value === true
  const isKept = !isUndefined(operand) && !(replacesFalse && !operand.__bool__().value)
  return isKept ? operand : (argument(args, 0, 'default_value') ?? text(''))
}

function argument({ positional, named }: Arguments, index: number, name: string): Value | undefined {
  return positional[index] ?? named.get(name)
}
