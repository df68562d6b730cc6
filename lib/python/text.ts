import type { Budget } from './budget.js'
import { Fault } from './values.js'

// Python's texts are sequences of code points, JavaScript's of UTF-16 units. Most have no pairs of surrogates, and then both are the same.

const surrogate = /[\ud800-\udfff]/

/** The characters of a text, as Python counts them. */
export function characters(text: string): ArrayLike<string> & Iterable<string> {
  return surrogate.test(text) ? Array.from(text) : text
}

/** How many characters the first `units` of a text are. */
export function countCharacters(text: string, units = text.length): number {
  return characters(units === text.length ? text : text.slice(0, units)).length
}

/** `chr(code)`. */
export function characterOf(code: bigint): string {
  if (code < 0n || code > 0x10ffffn) throw new Fault('chr() arg not in range(0x110000)')
  return String.fromCodePoint(Number(code))
}

/** The first characters of a text, however long it is. */
export function firstCharacters(text: string, count: number): string {
  return Array.from(text.slice(0, 2 * count))
    .slice(0, count)
    .join('')
}

const spaces = new Set(
  '\t\n\v\f\r\x1c\x1d\x1e\x1f \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000',
)

/** The same as a class of a regular expression. */
export const space = `[${[...spaces].join('')}]`

export const isSpace = (character: string | undefined): boolean => spaces.has(character as string)

/** `strip`, `lstrip` and `rstrip`: white space, or the given characters. */
export function strip(text: string, ends: 'both' | 'left' | 'right', stripped?: string): string {
  const set = stripped === undefined ? spaces : new Set(stripped)
  const units = stripped === undefined ? text : characters(text)
  let start = 0
  let end = units.length
  if (ends !== 'right') while (start < end && set.has(units[start] as string)) start++
  if (ends !== 'left') while (end > start && set.has(units[end - 1] as string)) end--
  return typeof units === 'string' ? units.slice(start, end) : Array.from(units).slice(start, end).join('')
}

/** The order of code points. */
export function compareTexts(a: string, b: string): number {
  const length = Math.min(a.length, b.length)
  for (let i = 0; i < length; i++) {
    const x = a.charCodeAt(i)
    const y = b.charCodeAt(i)
    // Surrogates stand for more than any single unit.
    if (x !== y) return (x >= 0xe000 ? x - 0x2000 : x) - (y >= 0xe000 ? y - 0x2000 : y)
  }
  return a.length - b.length
}

/** The place of `part` from `from` on, or -1: in linear time, which JavaScript's own search for long parts is not. */
export function search(text: string, part: string, from: number, budget: Budget): number {
  if (part.length <= 32) {
    const found = text.indexOf(part, from)
    budget.characters((found < 0 ? text.length : found) - from + 1)
    return found
  }
  budget.characters(text.length - from + part.length)
  const borders = new Int32Array(part.length) // Knuth, Morris and Pratt: where to go on after a mismatch
  for (let i = 1, border = 0; i < part.length; i++) {
    while (border > 0 && part[i] !== part[border]) border = borders[border - 1] as number
    if (part[i] === part[border]) border++
    borders[i] = border
  }
  for (let i = from, matched = 0; i < text.length; i++) {
    while (matched > 0 && text[i] !== part[matched]) matched = borders[matched - 1] as number
    if (text[i] === part[matched]) matched++
    if (matched === part.length) return i + 1 - matched
  }
  return -1
}

/** Places of `part`, without overlaps: the first `most`, or all where it is negative. An empty part is before every character and at the end. */
export function places(text: string, part: string, most: number, budget: Budget): number[] {
  const found: number[] = []
  const isMore = () => most < 0 || found.length < most
  if (part === '') {
    let at = 0
    for (const character of [...Array.from(text), '']) {
      if (isMore()) found.push(at)
      at += character.length
    }
  } else {
    for (let from = 0; isMore(); from = (found.at(-1) as number) + part.length) {
      const at = search(text, part, from, budget)
      if (at < 0) break
      found.push(at)
    }
  }
  budget.list(found.length * 4)
  return found
}

export function reversed(text: string): string {
  return Array.from(text).reverse().join('')
}

/** Text after its first `most` replacements; its size is checked before it is made. */
export function replace(text: string, from: string, to: string, most: number, budget: Budget): string {
  const found = places(text, from, most, budget)
  budget.text(text.length + found.length * (to.length - from.length))
  let replaced = ''
  let copied = 0
  for (const at of found) {
    replaced += text.slice(copied, at) + to
    copied = at + from.length
  }
  return replaced + text.slice(copied)
}

/** `str.split(separator)`. */
export function split(text: string, separator: string, most: number, budget: Budget): string[] {
  const pieces: string[] = []
  let copied = 0
  for (const at of places(text, separator, most, budget)) {
    pieces.push(text.slice(copied, at))
    copied = at + separator.length
  }
  return [...pieces, text.slice(copied)]
}

const whiteSpace = new RegExp(`(${space}+)`)

/** Words and the white space between them, in turn: `re.split(r'(\s+)', text)`. */
export function splitSpaces(text: string): string[] {
  return text.split(whiteSpace)
}

/** Words of a text, without the white space between them. */
export function wordsOf(text: string): string[] {
  return splitSpaces(text).filter((word, i) => i % 2 === 0 && word !== '')
}

const lineEnds = '\n\r\v\f\x1c\x1d\x1e\x85\u2028\u2029'
const lineEnd = new RegExp(`(\r\n|[${lineEnds}])`)

/** `str.splitlines()`. */
export function splitLines(text: string, keepEnds = false): string[] {
  const pieces = text.split(lineEnd)
  const lines: string[] = []
  for (let i = 0; i < pieces.length; i += 2) lines.push(pieces[i] + (keepEnds ? (pieces[i + 1] ?? '') : ''))
  if (pieces.at(-1) === '') lines.pop()
  return lines
}

/** A character as the first of a title: 'ß' becomes 'Ss'. */
export function titled(character: string): string {
  const code = character.codePointAt(0) as number
  if (code >= 0x1c4 && code <= 0x1cc) return String.fromCharCode(0x1c5 + 3 * Math.floor((code - 0x1c4) / 3))
  if (code >= 0x1f1 && code <= 0x1f3) return '\u01f2'
  const [first = '', ...rest] = character.toUpperCase()
  return first + rest.join('').toLowerCase()
}
