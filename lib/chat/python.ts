import type { Budget } from './budget.js'
import { isList, isNumber, isUndefined, type Value } from './jinja.js'

/** `str(value)`, as `{{ value }}` prints it. */
export function str(value: Value, budget: Budget): string {
  if (value.type === 'StringValue') return value.value
  return isUndefined(value) ? '' : repr(value, budget)
}

/** `repr(value)`. */
export function repr(value: Value, budget: Budget): string {
  budget.spend(1)
  const inner = (one: Value) => repr(one, budget)
  switch (value.type) {
    case 'StringValue':
      budget.text(value.value.length)
      return quoted(value.value)
    case 'NullValue':
      return 'None'
    case 'UndefinedValue':
      return 'Undefined'
    case 'BooleanValue':
      return value.value ? 'True' : 'False'
    case 'IntegerValue':
    case 'FloatValue':
      return number(value)
    case 'ArrayValue':
      return `[${value.value.map(inner).join(', ')}]`
    case 'TupleValue':
      return `(${value.value.map(inner).join(', ')}${value.value.length === 1 ? ',' : ''})`
    case 'ObjectValue':
    case 'NamespaceValue':
      return `{${[...value.value].map(([key, one]) => `${quoted(key)}: ${inner(one)}`).join(', ')}}`
    default:
      return `<${value.type}>`
  }
}

function quoted(value: string): string {
  const quote = value.includes("'") && !value.includes('"') ? '"' : "'"
  const short: Record<string, string> = { '\n': '\\n', '\r': '\\r', '\t': '\\t', '\\': '\\\\' }
  const escaped = value.replace(/[\\'"]|(?! )[\p{C}\p{Z}]/gu, (character) => {
    if (character === "'" || character === '"') return character === quote ? `\\${character}` : character
    if (short[character] !== undefined) return short[character]
    const code = character.codePointAt(0) as number
    if (code < 0x100) return `\\x${code.toString(16).padStart(2, '0')}`
    return code < 0x10000
      ? `\\u${code.toString(16).padStart(4, '0')}`
      : `\\U${code.toString(16).padStart(8, '0')}`
  })
  return quote + escaped + quote
}

/** Whole numbers are Python's int; others print their exponent from 1e16 and below 1e-4. */
function number({ type, value }: Value): string {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? 'nan' : value < 0 ? '-inf' : 'inf'
  if (type === 'IntegerValue') return BigInt(value).toString()
  const [mantissa, exponent] = (value as number).toExponential().split('e') as [string, string]
  const power = Number(exponent)
  if (power >= -4 && power < 16) return Number.isInteger(value) ? value.toFixed(1) : String(value)
  return `${mantissa}e${power < 0 ? '-' : '+'}${String(Math.abs(power)).padStart(2, '0')}`
}

/** How to write JSON: `json.dumps`'s own names. */
export interface JsonStyle {
  indent: number
  ensureAscii: boolean
  separators: [item: string, key: string]
  sortKeys: boolean
}

/** `json.dumps(value)`, by default with `ensure_ascii=False` as Hugging Face's `tojson` has it. */
export function toJson(value: Value, style: JsonStyle, budget: Budget, depth = 0): string {
  budget.spend(1)
  const string = (one: string) => {
    budget.text(one.length)
    const json = JSON.stringify(one)
    if (!style.ensureAscii) return json
    return json.replace(/[\x7f-\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
  }
  const wrap = (open: string, items: string[], close: string) => {
    if (style.indent === 0 || items.length === 0) return open + items.join(style.separators[0]) + close
    const line = `\n${' '.repeat(style.indent * depth)}`
    const innerLine = line + ' '.repeat(style.indent)
    return open + innerLine + items.join(style.separators[0] + innerLine) + line + close
  }
  if (value.type === 'StringValue') return string(value.value)
  if (value.type === 'NullValue') return 'null'
  if (value.type === 'BooleanValue') return String(value.value)
  if (isNumber(value)) return number(value).replace('inf', 'Infinity').replace('nan', 'NaN')
  if (isList(value)) {
    return wrap(
      '[',
      (value.value as Value[]).map((one) => toJson(one, style, budget, depth + 1)),
      ']',
    )
  }
  if (value.type === 'ObjectValue') {
    const entries: [string, Value][] = [...value.value]
    if (style.sortKeys) entries.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
    const members = entries.map(([key, one]) => {
      return string(key) + style.separators[1] + toJson(one, style, budget, depth + 1)
    })
    return wrap('{', members, '}')
  }
  throw new Error(`a value of the type ${value.type} has no JSON`)
}

/** `a == b`: by value, without JavaScript's conversions. True is 1. */
export function equal(a: Value, b: Value, budget: Budget): boolean {
  budget.spend(1)
  const isNumeric = (value: Value) => isNumber(value) || value.type === 'BooleanValue'
  if (isNumeric(a) && isNumeric(b)) return Number(a.value) === Number(b.value)
  if (isList(a) && isList(b)) {
    const left: Value[] = a.value
    return left.length === b.value.length && left.every((one, i) => equal(one, b.value[i], budget))
  }
  if (a.type !== b.type) return false
  if (a.type === 'StringValue') budget.text(Math.min(a.value.length, b.value.length))
  if (a.type !== 'ObjectValue') return a.value === b.value
  const left: Map<string, Value> = a.value
  return (
    left.size === b.value.size &&
    [...left].every(([key, one]) => b.value.has(key) && equal(one, b.value.get(key), budget))
  )
}

const spaces = new Set(
  '\t\n\v\f\r\x1c\x1d\x1e\x1f \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000',
)

/** `strip`, `lstrip` and `rstrip`: white space, or the given characters. */
export function strip(value: string, ends: 'both' | 'left' | 'right', characters?: string): string {
  const isStripped = (unit: string) =>
    characters === undefined ? spaces.has(unit) : characters.includes(unit)
  let start = 0
  let end = value.length
  if (ends !== 'right') while (start < end && isStripped(value[start] as string)) start++
  if (ends !== 'left') while (end > start && isStripped(value[end - 1] as string)) end--
  return value.slice(start, end)
}
