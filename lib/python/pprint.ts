import type { Budget } from './budget.js'
import { compare } from './operators.js'
import { repr } from './print.js'
import { countCharacters, space, splitLines } from './text.js'
import { asNumber, asText, Dict, Tuple, typeName, type Value } from './values.js'

const width = 80
/** Words, each with the white space after it. */
const words = new RegExp(`(?:(?!${space}).)+${space}*|${space}+`, 'gsu')

/** `pprint.pformat(value)`: in one line if it fits, or else an item a line; keys are sorted. */
export function pprint(value: Value, budget: Budget): string {
  return new Printer(budget).format(sortKeys(value, budget), 0, 0, 1)
}

function sortKeys(value: Value, budget: Budget): Value {
  budget.enter()
  let sorted = value
  if (Array.isArray(value)) sorted = value.map((item) => sortKeys(item, budget))
  else if (isPlainTuple(value)) sorted = new Tuple(value.items.map((item) => sortKeys(item, budget)))
  else if (value instanceof Dict) {
    const comparable = (a: Value, b: Value) =>
      (asText(a) !== undefined && asText(b) !== undefined) ||
      (asNumber(a) !== undefined && asNumber(b) !== undefined)
    const byType = (a: Value, b: Value) =>
      typeName(a) < typeName(b) ? -1 : typeName(a) > typeName(b) ? 1 : 0
    const pairs = [...value.entries.values()].sort(([a], [b]) =>
      comparable(a, b) ? compare('<', a, b, budget) : byType(a, b),
    )
    sorted = Dict.of(
      pairs.map(([key, one]) => [key, sortKeys(one, budget)] as const),
      budget,
    )
  }
  budget.leave()
  return sorted
}

/** Tuples with names print themselves, whatever their length. */
const isPlainTuple = (value: Value): value is Tuple => value instanceof Tuple && value.names.length === 0

class Printer {
  constructor(readonly budget: Budget) {}

  format(value: Value, indent: number, allowance: number, level: number): string {
    const text = repr(value, this.budget)
    if (countCharacters(text) <= width - indent - allowance) return text
    const items = (values: readonly Value[], open: string, close: string) => {
      const lines = values.map((item, i) =>
        this.format(item, indent + 1, i === values.length - 1 ? allowance + close.length : 1, level + 1),
      )
      return open + this.#stacked(lines, ',', indent + 1) + close
    }
    if (Array.isArray(value)) return items(value, '[', ']')
    if (isPlainTuple(value)) return items(value.items, '(', value.items.length === 1 ? ',)' : ')')
    if (value instanceof Dict) {
      const entries = [...value.entries.values()]
      const lines = entries.map(([key, one], i) => {
        const shown = repr(key, this.budget)
        const after = i === entries.length - 1 ? allowance + 1 : 1
        return `${shown}: ${this.format(one, indent + 1 + countCharacters(shown) + 2, after, level + 1)}`
      })
      return `{${this.#stacked(lines, ',', indent + 1)}}`
    }
    return typeof value === 'string' ? this.#text(value, indent, allowance, level) : text
  }

  /** One below the other. A key may be long, and then all that is below it is far to the right. */
  #stacked(lines: readonly string[], end: string, indent: number): string {
    const between = end.length + 1 + indent
    this.budget.text(lines.reduce((sum, line) => sum + line.length + between, 0))
    return lines.join(`${end}\n${' '.repeat(indent)}`)
  }

  /** A long text as several, cut at line ends and spaces. */
  #text(value: string, outerIndent: number, outerAllowance: number, level: number): string {
    const [indent, allowance] =
      level === 1 ? [outerIndent + 1, outerAllowance + 1] : [outerIndent, outerAllowance]
    const lines = splitLines(value, true)
    const chunks: string[] = []
    const size = (text: string) => countCharacters(repr(text, this.budget))
    for (const [i, line] of lines.entries()) {
      const isLast = i === lines.length - 1
      const room = width - indent
      if (size(line) <= room - (isLast ? allowance : 0)) {
        chunks.push(repr(line, this.budget))
        continue
      }
      let current = ''
      const parts = line.match(words) ?? []
      for (const [j, part] of parts.entries()) {
        const isEnd = isLast && j === parts.length - 1
        if (size(current + part) > room - (isEnd ? allowance : 0)) {
          if (current !== '') chunks.push(repr(current, this.budget))
          current = part
        } else current += part
      }
      if (current !== '') chunks.push(repr(current, this.budget))
    }
    if (chunks.length === 1) return chunks[0] as string
    const text = this.#stacked(chunks, '', indent)
    return level === 1 ? `(${text})` : text
  }
}
