import { braceFormat } from './format.js'
import { toList } from './operators.js'
import { type Context, intOf, type Native, textOf } from './signature.js'
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

/** A piece of a text, and how many characters are before it. */
function windowOf(self: string, start: Value, end: Value): { part: string; before: number } {
  if (start === null && end === null) return { part: self, before: 0 }
  const all = Array.from(self)
  const place = (value: Value, none: number) => {
    const index = value === null ? none : intOf(value)
    return Math.min(Math.max(index < 0 ? index + all.length : index, 0), all.length)
  }
  const before = place(start, 0)
  const isOutside = start !== null && intOf(start) > all.length
  return {
    part: isOutside ? '' : all.slice(before, Math.max(place(end, all.length), before)).join(''),
    before: isOutside ? Number.NaN : before,
  }
}

/** `find` and `rfind`: where a text is in another, or -1. */
const finding =
  (isLast: boolean) =>
  (run: Context, self: string, sub: Value, start: Value, end: Value): bigint => {
    const { part, before } = windowOf(self, start, end)
    const wanted = textOf(sub)
    if (Number.isNaN(before)) return -1n
    const at = isLast ? searchLast(run, part, wanted) : text.search(part, wanted, 0, run.budget)
    return at < 0 ? -1n : BigInt(before + text.countCharacters(part, at))
  }

function searchLast(run: Context, self: string, wanted: string): number {
  const at = text.search(text.reversed(self), text.reversed(wanted), 0, run.budget)
  return at < 0 ? -1 : self.length - at - wanted.length
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
  (run: Context, self: string, wanted: Value, start: Value, end: Value): boolean => {
    const { part, before } = windowOf(self, start, end)
    const ones = wanted instanceof Tuple ? wanted.items : [wanted]
    return ones.some((one) => {
      const text = textOf(one)
      run.budget.text(text.length)
      return test(part, text) && !Number.isNaN(before)
    })
  }

/** `center`, `ljust` and `rjust`, by how much of what is missing comes before the text. */
const padding =
  (leftOf: (missing: number, width: number) => number) =>
  (run: Context, self: string, width: Value, fill: Value): string => {
    const size = intOf(width)
    const missing = Math.max(0, size - text.countCharacters(self))
    const filler = textOf(fill)
    if (text.countCharacters(filler) !== 1) {
      throw new Fault('The fill character must be exactly one character long')
    }
    run.budget.text(self.length + missing)
    const left = leftOf(missing, size)
    return filler.repeat(left) + self + filler.repeat(missing - left)
  }
const rightAligned = padding((missing) => missing)

/** `strip`, `lstrip` and `rstrip`. */
const stripping =
  (ends: 'both' | 'left' | 'right') =>
  (_run: Context, self: string, chars: Value): string =>
    text.strip(self, ends, chars === null ? undefined : textOf(chars))

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

const turned = (pieces: string[]) => pieces.map(text.reversed).reverse()

function splitText(run: Context, self: string, sep: Value, maxsplit: Value, fromRight: boolean): string[] {
  const most = intOf(maxsplit) < 0 ? Number.POSITIVE_INFINITY : intOf(maxsplit)
  run.budget.characters(self.length)
  if (fromRight && most !== Number.POSITIVE_INFINITY) {
    return turned(
      splitText(run, text.reversed(self), sep === null ? null : text.reversed(textOf(sep)), maxsplit, false),
    )
  }
  if (sep === null) return splitWords(self, most)
  if (textOf(sep) === '') throw new Fault('empty separator')
  return text.split(self, textOf(sep), most, run.budget)
}

function partition(self: string, sep: string, at: number, missing: string[]): Value {
  if (sep === '') throw new Fault('empty separator')
  return new Tuple(at < 0 ? missing : [self.slice(0, at), sep, self.slice(at + sep.length)])
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
    const to =
      table instanceof Dict ? table.get(BigInt(character.codePointAt(0) as number), run.budget) : undefined
    translated +=
      to === undefined
        ? character
        : typeof to === 'bigint'
          ? text.characterOf(to)
          : to === null
            ? ''
            : textOf(to)
    run.budget.size(translated.length)
  }
  return translated
}

function makeTable(run: Context, x: Value, y: Value, z: Value): Value {
  const codes = (value: Value) =>
    Array.from(textOf(value), (character) => BigInt(character.codePointAt(0) as number))
  if (x instanceof Dict) {
    return Dict.of(
      Array.from(
        x.entries.values(),
        ([key, value]) => [typeof key === 'bigint' ? key : (codes(key)[0] as Value), value] as const,
      ),
      run.budget,
    )
  }
  const to = codes(y)
  if (to.length !== codes(x).length)
    throw new Fault('the first two maketrans arguments must have equal length')
  const pairs = codes(x).map((code, i) => [code, to[i] as Value] as const)
  return Dict.of([...pairs, ...(z === null ? [] : codes(z).map((code) => [code, null] as const))], run.budget)
}

/** Python's methods of texts. */
export const textMethods: Record<string, Native> = {
  'capitalize()': (_run, self: string) => {
    const [first = '', ...rest] = self
    return (first && text.titled(first)) + rest.join('').toLowerCase()
  },
  'casefold()': (_run, self: string) => self.replaceAll('ß', 'ss').replaceAll('ς', 'σ').toLowerCase(),
  "center(width, fillchar=' ', /)": padding((missing, size) => (missing >> 1) + (missing & size & 1)),
  'count(sub, start=None, end=None, /)': (run, self: string, sub: Value, start: Value, end: Value) => {
    const { part, before } = windowOf(self, start, end)
    const wanted = textOf(sub)
    if (Number.isNaN(before)) return 0n
    return BigInt(text.places(part, wanted, Number.POSITIVE_INFINITY, run.budget).length)
  },
  "encode(encoding='utf-8', errors='strict')": () => {
    throw new Fault('bytes are not supported here')
  },
  'endswith(suffix, start=None, end=None, /)': beginning((part, one) => part.endsWith(one)),
  'expandtabs(tabsize=8)': (run, self: string, size: Value) => expandTabs(run, self, intOf(size)),
  'find(sub, start=None, end=None, /)': finding(false),
  'format(*args, **kwargs)': (run, self: string, args: Value[], named: Dict) =>
    braceFormat(self, args, named, run, run.budget),
  'format_map(mapping, /)': (run, self: string, mapping: Value) => {
    if (!(mapping instanceof Dict)) throw new Fault('format_map() wants a mapping')
    return braceFormat(self, [], mapping, run, run.budget)
  },
  'index(sub, start=None, end=None, /)': indexing(finding(false)),
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
  'join(iterable, /)': (run, self: string, items: Value) =>
    joined(run, self, toList(items, run.budget).map(textOf)),
  "ljust(width, fillchar=' ', /)": padding(() => 0),
  'lower()': (_run, self: string) => self.toLowerCase(),
  'lstrip(chars=None, /)': stripping('left'),
  'maketrans(x, y=None, z=None, /)': (run, _self: string, x: Value, y: Value, z: Value) =>
    makeTable(run, x, y, z),
  'partition(sep, /)': (run, self: string, sep: Value) =>
    partition(self, textOf(sep), text.search(self, textOf(sep), 0, run.budget), [self, '', '']),
  'removeprefix(prefix, /)': (_run, self: string, prefix: Value) =>
    self.startsWith(textOf(prefix)) ? self.slice(textOf(prefix).length) : self,
  'removesuffix(suffix, /)': (_run, self: string, suffix: Value) =>
    self.endsWith(textOf(suffix)) ? self.slice(0, self.length - textOf(suffix).length) : self,
  'replace(old, new, count=-1, /)': (run, self: string, old: Value, to: Value, count: Value) =>
    text.replace(
      self,
      textOf(old),
      textOf(to),
      intOf(count) < 0 ? Number.POSITIVE_INFINITY : intOf(count),
      run.budget,
    ),
  'rfind(sub, start=None, end=None, /)': finding(true),
  'rindex(sub, start=None, end=None, /)': indexing(finding(true)),
  "rjust(width, fillchar=' ', /)": rightAligned,
  'rpartition(sep, /)': (run, self: string, sep: Value) =>
    partition(self, textOf(sep), searchLast(run, self, textOf(sep)), ['', '', self]),
  'rsplit(sep=None, maxsplit=-1)': (run, self: string, sep: Value, most: Value) =>
    splitText(run, self, sep, most, true),
  'rstrip(chars=None, /)': stripping('right'),
  'split(sep=None, maxsplit=-1)': (run, self: string, sep: Value, most: Value) =>
    splitText(run, self, sep, most, false),
  'splitlines(keepends=False)': (_run, self: string, keepEnds: Value) =>
    text.splitLines(self, intOf(keepEnds) !== 0),
  'startswith(prefix, start=None, end=None, /)': beginning((part, one) => part.startsWith(one)),
  'strip(chars=None, /)': stripping('both'),
  'swapcase()': (_run, self: string) =>
    Array.from(self, (one) => (/\p{Uppercase}/u.test(one) ? one.toLowerCase() : one.toUpperCase())).join(''),
  'title()': (_run, self: string) => title(self),
  'translate(table, /)': (run, self: string, table: Value) => translate(run, self, table),
  'upper()': (_run, self: string) => self.toUpperCase(),
  'zfill(width, /)': (run, self: string, width: Value) => {
    const sign = /^[-+]/.test(self) ? self.slice(0, 1) : ''
    const rest = BigInt(Math.max(0, intOf(width) - sign.length))
    return sign + rightAligned(run, self.slice(sign.length), rest, '0')
  },
}
