import { braceFormat } from './format.js'
import { type Context, type Native, textOf } from './signature.js'
import * as text from './text.js'
import { Dict, Fault, Tuple, type Value } from './values.js'

/** `separator.join(texts)`; its size is checked before it is made. */
export function joined(run: Context, separator: string, texts: string[]): string {
  run.budget.text(texts.reduce((sum, one) => sum + one.length + separator.length, 0))
  return texts.join(separator)
}

const all = (pattern: RegExp) => (_run: Context, self: string) => self !== '' && pattern.test(self)
const hasCase = /[\p{Uppercase}\p{Lowercase}\p{Lt}]/u

/** Digits that are no decimals: superscripts, circled ones. */
const digit = String.raw`\p{Nd}²³¹⁰⁴-⁹₀-₉①-⑨⑴-⑼⒈-⒐⓪⓵-⓽⓿❶-❾➀-➈➊-➒`

/** A piece of a text, and how many characters are before it; undefined where it begins after the end. */
function windowOf(self: string, start: number | null, end: number | null) {
  if (start === null && end === null) return { part: self, before: 0 }
  const all = Array.from(self)
  if (start !== null && start > all.length) return undefined
  const place = (index: number) => Math.max(index < 0 ? index + all.length : index, 0)
  const before = place(start ?? 0)
  return { part: all.slice(before, place(end ?? all.length)).join(''), before }
}

/** `find` and `rfind`: where a text is in another, or -1. */
const finding =
  (search: typeof searchFirst) =>
  (run: Context, self: string, sub: string, start: number | null, end: number | null): bigint => {
    const window = windowOf(self, start, end)
    const at = window === undefined ? -1 : search(run, window.part, sub)
    return window === undefined || at < 0
      ? -1n
      : BigInt(window.before + text.countCharacters(window.part, at))
  }

const searchFirst = (run: Context, self: string, sub: string) => text.search(self, sub, 0, run.budget)

function searchLast(run: Context, self: string, sub: string): number {
  const at = text.search(text.reversed(self), text.reversed(sub), 0, run.budget)
  return at < 0 ? -1 : self.length - at - sub.length
}

/** `index` and `rindex`: where a text is that must be there. */
const indexing =
  (find: ReturnType<typeof finding>): typeof find =>
  (...args) => {
    const place = find(...args)
    if (place < 0n) throw new Fault('substring not found')
    return place
  }

/** `startswith` and `endswith`: whether a test holds for a text, or for one of several. */
const beginning =
  (test: (part: string, one: string) => boolean) =>
  (run: Context, self: string, wanted: Value, start: number | null, end: number | null): boolean => {
    const window = windowOf(self, start, end)
    const ones = wanted instanceof Tuple ? wanted.items : [wanted]
    return ones.some((one) => {
      const part = textOf(one)
      run.budget.text(part.length)
      return window !== undefined && test(window.part, part)
    })
  }

/** `center`, `ljust` and `rjust`, by how much of what is missing comes before the text. */
const padding =
  (leftOf: (missing: number, width: number) => number) =>
  (run: Context, self: string, width: number, fill: string): string => {
    const missing = Math.max(0, width - text.countCharacters(self))
    if (text.countCharacters(fill) !== 1)
      throw new Fault('The fill character must be exactly one character long')
    run.budget.text(self.length + missing)
    const left = leftOf(missing, width)
    return fill.repeat(left) + self + fill.repeat(missing - left)
  }
const rightAligned = padding((missing) => missing)

/** `strip`, `lstrip` and `rstrip`. */
const stripping =
  (ends: 'both' | 'left' | 'right') =>
  (_run: Context, self: string, chars: string | null): string =>
    text.strip(self, ends, chars ?? undefined)

function splitWords(self: string, most: number): string[] {
  const words: string[] = []
  let at = 0
  for (;;) {
    while (text.isSpace(self[at])) at++
    if (at >= self.length) return words
    if (words.length >= most) return [...words, self.slice(at)]
    const start = at
    while (at < self.length && !text.isSpace(self[at])) at++
    words.push(self.slice(start, at))
  }
}

/** `split`. */
function splitText(run: Context, self: string, sep: string | null, most: number): string[] {
  run.budget.characters(self.length)
  if (sep === null) return splitWords(self, most < 0 ? Number.POSITIVE_INFINITY : most)
  if (sep === '') throw new Fault('empty separator')
  return text.split(self, sep, most, run.budget)
}

function splitFromRight(run: Context, self: string, sep: string | null, most: number): string[] {
  if (most < 0) return splitText(run, self, sep, most)
  const pieces = splitText(run, text.reversed(self), sep && text.reversed(sep), most)
  return pieces.map(text.reversed).reverse()
}

/** `partition` and `rpartition`. */
const partitioning =
  (search: typeof searchFirst, missing: (self: string) => string[]) =>
  (run: Context, self: string, sep: string): Value => {
    if (sep === '') throw new Fault('empty separator')
    const at = search(run, self, sep)
    return new Tuple(at < 0 ? missing(self) : [self.slice(0, at), sep, self.slice(at + sep.length)])
  }

function title(self: string): string {
  let isInWord = false
  return Array.from(self, (character) => {
    const cased = isInWord ? character.toLowerCase() : text.titled(character)
    isInWord = hasCase.test(character)
    return cased
  }).join('')
}

function expandTabs(run: Context, self: string, size: number): string {
  let column = 0
  let expanded = ''
  for (const character of self) {
    const width = character === '\t' ? (size > 0 ? size - (column % size) : 0) : 1
    expanded += character === '\t' ? ' '.repeat(width) : character
    column = character === '\n' || character === '\r' ? 0 : column + width
    run.budget.size(expanded.length)
  }
  return expanded
}

function translate(run: Context, self: string, table: Value): string {
  let translated = ''
  for (const character of self) {
    const code = BigInt(character.codePointAt(0) as number)
    const to = table instanceof Dict ? table.get(code, run.budget) : undefined
    if (to === undefined) translated += character
    else if (to !== null) translated += typeof to === 'bigint' ? text.characterOf(to) : textOf(to)
    run.budget.size(translated.length)
  }
  return translated
}

function makeTable(run: Context, _self: string, x: Value, y: string | null, z: string | null): Value {
  const codes = (one: string) => Array.from(one, (character) => BigInt(character.codePointAt(0) as number))
  const pairs: [Value, Value][] = []
  if (x instanceof Dict) {
    for (const [key, value] of x.entries.values())
      pairs.push([typeof key === 'bigint' ? key : (codes(textOf(key))[0] as Value), value])
  } else {
    const from = codes(textOf(x))
    const to = codes(y ?? '')
    if (to.length !== from.length) throw new Fault('the first two maketrans arguments must have equal length')
    from.forEach((code, i) => {
      pairs.push([code, to[i] as Value])
    })
    for (const code of codes(z ?? '')) pairs.push([code, null])
  }
  return Dict.of(pairs, run.budget)
}

/** Python's methods of texts. */
export const textMethods: Record<string, Native> = {
  'capitalize()': (_run, self: string) => {
    const [first = ''] = self
    return text.titled(first) + self.toLowerCase().slice(first.toLowerCase().length)
  },
  'casefold()': (_run, self: string) => self.replaceAll('ß', 'ss').replaceAll('ς', 'σ').toLowerCase(),
  "center(width: int, fillchar: str=' ', /)": padding(
    (missing, size) => (missing >> 1) + (missing & size & 1),
  ),
  'count(sub: str, start: int=None, end: int=None, /)': (
    run,
    self: string,
    sub: string,
    start: number | null,
    end: number | null,
  ) => {
    const window = windowOf(self, start, end)
    return BigInt(window === undefined ? 0 : text.places(window.part, sub, -1, run.budget).length)
  },
  "encode(encoding='utf-8', errors='strict')": () => {
    throw new Fault('bytes are not supported here')
  },
  'endswith(suffix, start: int=None, end: int=None, /)': beginning((part, one) => part.endsWith(one)),
  'expandtabs(tabsize: int=8)': expandTabs,
  'find(sub: str, start: int=None, end: int=None, /)': finding(searchFirst),
  'format(*args, **kwargs)': (run, self: string, args: Value[], named: Dict) =>
    braceFormat(self, args, named, run),
  'format_map(mapping: dict, /)': (run, self: string, mapping: Dict) => braceFormat(self, [], mapping, run),
  'index(sub: str, start: int=None, end: int=None, /)': indexing(finding(searchFirst)),
  'isalnum()': all(new RegExp(`^[\\p{L}\\p{N}${digit}]+$`, 'u')),
  'isalpha()': all(/^\p{L}+$/u),
  'isascii()': (_run, self: string) => !/[^\0-\x7f]/.test(self),
  'isdecimal()': all(/^\p{Nd}+$/u),
  'isdigit()': all(new RegExp(`^[${digit}]+$`, 'u')),
  'isidentifier()': all(/^[\p{XID_Start}_]\p{XID_Continue}*$/u),
  'islower()': (_run, self: string) => /\p{Lowercase}/u.test(self) && !/[\p{Uppercase}\p{Lt}]/u.test(self),
  'isnumeric()': all(/^[\p{N}一二三四五六七八九十百千万億兆零〇壹贰叁肆伍陆柒捌玖拾佰仟]+$/u),
  'isprintable()': (_run, self: string) => !/(?! )[\p{C}\p{Z}]/u.test(self),
  'isspace()': (_run, self: string) => self !== '' && [...self].every(text.isSpace),
  'istitle()': (_run, self: string) => /[\p{Uppercase}\p{Lt}]/u.test(self) && title(self) === self,
  'isupper()': (_run, self: string) => /\p{Uppercase}/u.test(self) && !/[\p{Lowercase}\p{Lt}]/u.test(self),
  'join(iterable: list, /)': (run, self: string, items: Value[]) => joined(run, self, items.map(textOf)),
  "ljust(width: int, fillchar: str=' ', /)": padding(() => 0),
  'lower()': (_run, self: string) => self.toLowerCase(),
  'lstrip(chars: str=None, /)': stripping('left'),
  'maketrans(x, y: str=None, z: str=None, /)': makeTable,
  'partition(sep: str, /)': partitioning(searchFirst, (self) => [self, '', '']),
  'removeprefix(prefix: str, /)': (_run, self: string, prefix: string) =>
    self.startsWith(prefix) ? self.slice(prefix.length) : self,
  'removesuffix(suffix: str, /)': (_run, self: string, suffix: string) =>
    self.endsWith(suffix) ? self.slice(0, self.length - suffix.length) : self,
  'replace(old: str, new: str, count: int=-1, /)': (
    run,
    self: string,
    old: string,
    to: string,
    count: number,
  ) => text.replace(self, old, to, count, run.budget),
  'rfind(sub: str, start: int=None, end: int=None, /)': finding(searchLast),
  'rindex(sub: str, start: int=None, end: int=None, /)': indexing(finding(searchLast)),
  "rjust(width: int, fillchar: str=' ', /)": rightAligned,
  'rpartition(sep: str, /)': partitioning(searchLast, (self) => ['', '', self]),
  'rsplit(sep: str=None, maxsplit: int=-1)': splitFromRight,
  'rstrip(chars: str=None, /)': stripping('right'),
  'split(sep: str=None, maxsplit: int=-1)': splitText,
  'splitlines(keepends: int=0)': (_run, self: string, keepEnds: number) =>
    text.splitLines(self, keepEnds !== 0),
  'startswith(prefix, start: int=None, end: int=None, /)': beginning((part, one) => part.startsWith(one)),
  'strip(chars: str=None, /)': stripping('both'),
  'swapcase()': (_run, self: string) =>
    Array.from(self, (one) => (/\p{Uppercase}/u.test(one) ? one.toLowerCase() : one.toUpperCase())).join(''),
  'title()': (_run, self: string) => title(self),
  'translate(table, /)': translate,
  'upper()': (_run, self: string) => self.toUpperCase(),
  'zfill(width: int, /)': (run, self: string, width: number) => {
    const sign = /^[-+]/.test(self) ? self.slice(0, 1) : ''
    return sign + rightAligned(run, self.slice(sign.length), width - sign.length, '0')
  },
}
