import type { Budget } from './budget.js'
import { bool, isList, isText, list, text, toValue, type Value } from './jinja.js'
import { str, strip } from './python.js'

type Method = (self: string, args: Value[], budget: Budget) => Value

/** Python's methods of texts, where the library lacks them or has JavaScript's instead. */
export const stringMethods: Readonly<Record<string, Method>> = {
  strip: (self, [characters]) => text(strip(self, 'both', optionalText(characters))),
  lstrip: (self, [characters]) => text(strip(self, 'left', optionalText(characters))),
  rstrip: (self, [characters]) => text(strip(self, 'right', optionalText(characters))),
  replace: (self, [from, to, count], budget) => {
    return text(replace(self, textOf(from), textOf(to), count?.value ?? -1, budget))
  },
  join: (_self, [items], budget) => join(items, _self, budget),
  find: (self, [part]) => toValue(codePoints(self, self.indexOf(textOf(part)))),
  count: (self, [part]) => {
    const wanted = textOf(part)
    return toValue(wanted === '' ? Array.from(self).length + 1 : self.split(wanted).length - 1)
  },
  capitalize: (self) => text(self.slice(0, 1).toUpperCase() + self.slice(1).toLowerCase()),
  isdigit: (self) => bool(/^\p{Nd}+$/u.test(self)),
  splitlines: (self, _args, budget) => {
    const lines = self.split(/\r\n|[\n\r\v\f\x85\u2028\u2029]/)
    if (lines.at(-1) === '') lines.pop()
    budget.list(lines.length)
    return list(lines.map(text))
  },
  removeprefix: (self, [prefix]) => {
    return text(self.startsWith(textOf(prefix)) ? self.slice(textOf(prefix).length) : self)
  },
  removesuffix: (self, [suffix]) => {
    const end = textOf(suffix)
    return text(end !== '' && self.endsWith(end) ? self.slice(0, -end.length) : self)
  },
}

/** Text after `count` replacements, all where it is negative; its size is checked before it is made. */
export function replace(self: string, from: string, to: string, count: number, budget: Budget): string {
  const pieces = from === '' ? ['', ...Array.from(self), ''] : self.split(from)
  const replaced = count < 0 ? pieces.length - 1 : Math.min(count, pieces.length - 1)
  budget.list(pieces.length)
  budget.text(self.length + replaced * to.length)
  const kept = pieces.slice(replaced).join(from)
  return [...pieces.slice(0, replaced), kept].join(to)
}

/** `separator.join(items)`; its size is checked before it is made. */
export function join(items: Value | undefined, separator: string, budget: Budget): Value {
  if (items === undefined || !(isList(items) || isText(items))) throw new Error('join() wants a list')
  const values: Value[] = isText(items) ? Array.from(items.value as string, text) : items.value
  let length = 0
  const texts = values.map((value) => {
    const one = str(value, budget)
    length += one.length + separator.length
    budget.text(length)
    return one
  })
  return text(texts.join(separator))
}

export function textOf(value: Value | undefined): string {
  if (value === undefined || !isText(value))
    throw new Error(`expected a text, got ${value?.type ?? 'nothing'}`)
  return value.value
}

function optionalText(value: Value | undefined): string | undefined {
  return value === undefined || value.type === 'NullValue' ? undefined : textOf(value)
}

function codePoints(self: string, end: number): number {
  return end < 0 ? -1 : Array.from(self.slice(0, end)).length
}
