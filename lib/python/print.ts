import type { Budget } from './budget.js'
import { escaped } from './literals.js'
import { compare } from './operators.js'
import { Dict, Fault, Markup, Thing, Tuple, Undefined, type Value } from './values.js'

/** `str(value)`, as `{{ value }}` prints it. */
export function str(value: Value, budget: Budget): string {
  if (typeof value === 'string') return value
  if (value instanceof Undefined) return ''
  return value instanceof Markup ? value.text : repr(value, budget)
}

/** `repr(value)`. */
export function repr(value: Value, budget: Budget): string {
  if (typeof value === 'string') return quoted(value, budget)
  if (typeof value === 'number') return printFloat(value)
  if (typeof value === 'bigint') return printInt(value, budget)
  if (typeof value === 'boolean') return value ? 'True' : 'False'
  if (value === null) return 'None'
  budget.enter()
  let length = 0
  const inner = (one: Value) => {
    const text = repr(one, budget)
    length += text.length + 2
    budget.size(length)
    return text
  }
  const text = Array.isArray(value) ? `[${value.map(inner).join(', ')}]` : value.repr(inner)
  budget.text(text.length)
  budget.leave()
  return text
}

const short: Record<string, string> = { '\n': '\\n', '\r': '\\r', '\t': '\\t', '\\': '\\\\' }

function quoted(text: string, budget: Budget): string {
  budget.characters(text.length)
  const quote = text.includes("'") && !text.includes('"') ? '"' : "'"
  const inner = text.replace(/[\\'"]|(?! )[\p{C}\p{Z}]/gu, (character) => {
    if (character === "'" || character === '"') return character === quote ? `\\${character}` : character
    return short[character] ?? escaped(character)
  })
  return quote + inner + quote
}

/** Ints have 4,300 digits at most: Python prints no longer ones, and nothing needs them. */
export const largest = 10n ** 4300n

export function printInt(value: bigint, budget: Budget): string {
  const text = value.toString()
  budget.spend(1 + (text.length >> 2))
  return text
}

/** The shortest digits that mean this number, with an exponent from 1e16 on and below 1e-4. */
export function printFloat(value: number): string {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? 'nan' : value < 0 ? '-inf' : 'inf'
  if (Object.is(value, -0)) return '-0.0'
  const [mantissa, exponent] = value.toExponential().split('e') as [string, string]
  const power = Number(exponent)
  if (power >= -4 && power < 16) return Number.isInteger(value) ? value.toFixed(1) : String(value)
  return `${mantissa}e${power < 0 ? '-' : '+'}${String(Math.abs(power)).padStart(2, '0')}`
}

/** How to write JSON: `json.dumps`'s own names. */
export interface JsonStyle {
  indent: string | undefined
  ensureAscii: boolean
  separators: readonly [item: string, key: string]
  sortKeys: boolean
}

/** `json.dumps(value)`. */
export function toJson(value: Value, style: JsonStyle, budget: Budget, line = '\n'): string {
  budget.spend(1)
  if (value === null) return 'null'
  if (typeof value === 'string') return jsonText(value, style, budget)
  if (value instanceof Markup) return jsonText(value.text, style, budget)
  if (typeof value === 'boolean') return String(value)
  if (typeof value === 'bigint') return printInt(value, budget)
  if (typeof value === 'number') return printFloat(value).replace('inf', 'Infinity').replace('nan', 'NaN')
  const innerLine = style.indent === undefined ? '' : line + style.indent
  const wrap = (open: string, items: string[], close: string) => {
    if (items.length === 0) return open + close
    const between = innerLine.length + Math.max(2, style.separators[0].length)
    const length = items.reduce((sum, item) => sum + item.length + between, 2)
    budget.text(length)
    const end = style.indent === undefined ? '' : line
    return open + innerLine + items.join(style.separators[0] + innerLine) + end + close
  }
  budget.enter()
  let json: string
  if (Array.isArray(value) || value instanceof Tuple) {
    const items = Array.isArray(value) ? value : value.items
    json = wrap(
      '[',
      items.map((one) => toJson(one, style, budget, innerLine)),
      ']',
    )
  } else if (value instanceof Dict) {
    const entries = [...value.entries.values()]
    if (style.sortKeys) entries.sort(([a], [b]) => compare('<', a, b, budget))
    const members = entries.map(([key, one]) => {
      return jsonKey(key, style, budget) + style.separators[1] + toJson(one, style, budget, innerLine)
    })
    json = wrap('{', members, '}')
  } else throw new Fault(`Object of type ${value.type} is not JSON serializable`)
  budget.leave()
  return json
}

function jsonKey(key: Value, style: JsonStyle, budget: Budget): string {
  if (key instanceof Thing && !(key instanceof Markup)) {
    throw new Fault(`keys must be str, int, float, bool or None, not ${key.type}`)
  }
  const json = toJson(key, style, budget)
  return typeof key === 'string' || key instanceof Markup ? json : `"${json}"`
}

function jsonText(text: string, style: JsonStyle, budget: Budget): string {
  budget.characters(text.length)
  const json = JSON.stringify(text)
  if (!style.ensureAscii) return json
  budget.text(json.length * 6)
  return json.replace(/[\x7f-\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
}
