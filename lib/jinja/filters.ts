import { binary, toFloat } from '../python/arithmetic.js'
import { fixed, round, roundedQuotient } from '../python/decimal.js'
import { methods } from '../python/methods.js'
import { parseFloatText, parseIntText } from '../python/numbers.js'
import { compare, markup, toList } from '../python/operators.js'
import { percentFormat } from '../python/percent.js'
import { pprint } from '../python/pprint.js'
import { str, toJson } from '../python/print.js'
import { callBuiltin, intOf, tableOf, textOf } from '../python/signature.js'
import * as text from '../python/text.js'
import {
  asNumber,
  asText,
  Dict,
  Fault,
  isTrue,
  Markup,
  refuseUndefined,
  sizeOf,
  Thing,
  Tuple,
  typeName,
  Undefined,
  type Value,
} from '../python/values.js'
import { wordWrap } from '../python/wordwrap.js'
import { pythonAttribute } from './access.js'
import { listFilters } from './filters-of-lists.js'
import type { Functions, Run } from './run.js'
import { urlize, urlQuote } from './urls.js'

/** A text, or the text of a value. HTML stays HTML. */
const softText = (run: Run, value: Value) => asText(value) ?? str(value, run.budget)

/** A filter that does what a method of texts does. */
const asMethod =
  (name: string) =>
  (run: Run, value: Value, ...rest: Value[]): Value => {
    const method = methods.str?.get(name)
    if (method === undefined) throw new Fault(`no method '${name}'`)
    const self = softText(run, value)
    run.budget.text(self.length)
    const result = callBuiltin(method, { positional: [self, ...rest], named: new Map() }, run)
    return value instanceof Markup && typeof result === 'string' ? new Markup(result) : result
  }

/** The same kind of text as another. */
const like = (value: Value, result: string): Value => (value instanceof Markup ? new Markup(result) : result)

function length(_run: Run, value: Value): bigint {
  const string = asText(value)
  const size = string === undefined ? sizeOf(value) : text.countCharacters(string)
  if (size === undefined) throw new Fault(`object of type '${typeName(value)}' has no len()`)
  return BigInt(size)
}

const escaped = (run: Run, value: Value) => new Markup(markup(value, run.budget))
const fallback = (_run: Run, value: Value, other: Value, boolean: Value) =>
  value instanceof Undefined || (isTrue(boolean) && !isTrue(value)) ? other : value

function title(run: Run, value: Value): Value {
  let isInWord = false
  const titled = Array.from(softText(run, value), (character) => {
    const cased = isInWord ? character.toLowerCase() : character.toUpperCase()
    isInWord = !('-({[<'.includes(character) || text.isSpace(character))
    return cased
  })
  return like(value, titled.join(''))
}

function replace(run: Run, value: Value, old: Value, to: Value, count: Value): Value {
  const most = count === null || intOf(count) < 0 ? Number.POSITIVE_INFINITY : intOf(count)
  const escapes = run.autoescape
  const self =
    escapes && !(value instanceof Markup) && (old instanceof Markup || to instanceof Markup)
      ? markup(value, run.budget)
      : str(value, run.budget)
  const isHtml = escapes && (value instanceof Markup || old instanceof Markup || to instanceof Markup)
  const by = isHtml ? markup(to, run.budget) : str(to, run.budget)
  const replaced = text.replace(self, str(old, run.budget), by, most, run.budget)
  return isHtml ? new Markup(replaced) : replaced
}

function indent(run: Run, value: Value, width: Value, first: Value, blank: Value): Value {
  const indention = asText(width) ?? ' '.repeat(limited(run, width))
  const self = asText(value)
  if (self === undefined) throw new Fault(`indent: expected str, got ${typeName(value)}`)
  const lines = text.splitLines(`${self}\n`)
  run.budget.text(self.length + indention.length * lines.length)
  const indented = lines.map((line, i) => (i > 0 && (isTrue(blank) || line !== '') ? indention + line : line))
  return like(value, (isTrue(first) ? indention : '') + indented.join('\n'))
}

function limited(run: Run, width: Value): number {
  const size = Math.max(0, intOf(width))
  run.budget.text(size)
  return size
}

function truncate(run: Run, value: Value, size: Value, killWords: Value, end: Value, leeway: Value): Value {
  const most = intOf(size)
  const ending = textOf(end)
  const slack = leeway === null ? 5 : intOf(leeway)
  if (most < text.countCharacters(ending) || slack < 0)
    throw new Fault(`truncate: expected a length of ${text.countCharacters(ending)} or more`)
  if (length(run, value) <= most + slack) return value
  const characters = Array.from(textOf(value))
  run.budget.list(characters.length)
  const kept = characters.slice(0, most - text.countCharacters(ending)).join('')
  const space = isTrue(killWords) ? -1 : kept.lastIndexOf(' ')
  return like(
    value,
    (space < 0 ? kept : kept.slice(0, space)) + (value instanceof Markup ? markup(end, run.budget) : ending),
  )
}

function roundNumber(run: Run, value: Value, precision: Value, method: Value): Value {
  const name = asText(method)
  if (name !== 'common' && name !== 'ceil' && name !== 'floor')
    throw new Fault('method must be common, ceil or floor')
  const number = asNumber(value)
  refuseUndefined(value)
  if (number === undefined) throw new Fault(`type ${typeName(value)} doesn't define __round__ method`)
  const places = intOf(precision)
  if (name === 'common') {
    if (typeof number === 'number') return round(number, places)
    if (places >= 0) return number
    const unit = binary('**', 10n, BigInt(-places), run.budget) as bigint
    return roundInt(number, unit)
  }
  const factor = binary('**', 10n, BigInt(places), run.budget)
  const scaled = binary('*', number, factor, run.budget)
  if (typeof scaled === 'number' && !Number.isFinite(scaled))
    throw new Fault('cannot convert float infinity to integer')
  const whole = typeof scaled === 'bigint' ? scaled : BigInt(Math[name](scaled as number))
  return binary('/', whole, factor, run.budget)
}

function roundInt(value: bigint, unit: bigint): bigint {
  const rounded = unit * roundedQuotient(value < 0n ? -value : value, unit)
  return value < 0n ? -rounded : rounded
}

function toInt(run: Run, value: Value, other: Value, base: Value): Value {
  const string = asText(value)
  const number = asNumber(value)
  refuseUndefined(value)
  if (typeof number === 'bigint') return number
  if (number === undefined && string === undefined) return other
  if (typeof number === 'number' && Math.abs(number) === Infinity)
    throw new Fault('cannot convert float infinity to integer')
  if (string !== undefined) {
    if (![0, 10].includes(intOf(base))) run.budget.spend(Math.min(string.length, 4300) ** 2 / 256)
    const int = parseIntText(string, intOf(base))
    if (int !== undefined) return int
  }
  const float = number ?? parseFloatText(string as string)
  return float === undefined || !Number.isFinite(float as number)
    ? other
    : BigInt(Math.trunc(float as number))
}

function toFloatFilter(run: Run, value: Value, other: Value): Value {
  refuseUndefined(value)
  const number = asNumber(value)
  if (number !== undefined) return toFloat(number)
  const string = asText(value)
  run.budget.text(string?.length ?? 0)
  return (string === undefined ? undefined : parseFloatText(string)) ?? other
}

function fileSize(run: Run, value: Value, binaryPrefix: Value): Value {
  const bytes = toFloatFilter(run, value, null)
  if (typeof bytes !== 'number') throw new Fault(`could not convert ${typeName(value)} to float`)
  const base = isTrue(binaryPrefix) ? 1024 : 1000
  if (bytes === 1) return '1 Byte'
  if (Number.isNaN(bytes)) throw new Fault('cannot convert float NaN to integer')
  if (bytes < base) return `${BigInt(Math.trunc(bytes))} Bytes`
  const letters = isTrue(binaryPrefix) ? 'KMGTPEZY' : 'kMGTPEZY'
  let unit = base * base
  let place = 0
  for (; place < 7 && bytes >= unit; place++) unit *= base
  const size = (base * bytes) / unit
  return `${Number.isFinite(size) ? fixed(size, 1) : 'inf'} ${letters[place]}${isTrue(binaryPrefix) ? 'iB' : 'B'}`
}

function xmlAttributes(run: Run, value: Value, autoSpace: Value): Value {
  if (!(value instanceof Dict)) throw new Fault(`xmlattr: expected a mapping, got ${typeName(value)}`)
  const items: string[] = []
  for (const [key, one] of value.entries.values()) {
    if (one === null || one instanceof Undefined) continue
    if (/[ \t-\r/>=]/.test(textOf(key))) throw new Fault('Invalid character in attribute name')
    items.push(`${markup(key, run.budget)}="${markup(one, run.budget)}"`)
  }
  const joined = items.join(' ')
  run.budget.text(joined.length)
  const spaced = isTrue(autoSpace) && joined !== '' ? ` ${joined}` : joined
  return run.autoescape ? new Markup(spaced) : spaced
}

const entityNames: Record<string, string> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'", nbsp: '\xa0' }

function stripTags(run: Run, value: Value): Value {
  let self = str(value, run.budget)
  for (const [open, close] of [
    ['<!--', '-->'],
    ['<', '>'],
  ] as const) {
    let kept = ''
    let at = 0
    for (let start = self.indexOf(open); start >= 0; start = self.indexOf(open, at)) {
      const end = self.indexOf(close, start)
      if (end < 0) break
      kept += self.slice(at, start)
      at = end + close.length
    }
    self = kept + self.slice(at)
  }
  const words = text.splitSpaces(self).filter((word, i) => i % 2 === 0 && word !== '')
  return words
    .join(' ')
    .replace(/&(#\d{1,7}|#[xX][\da-fA-F]{1,6}|[a-zA-Z]{1,8});/g, (written, entity: string) => {
      if (!entity.startsWith('#')) return entityNames[entity] ?? written
      const code = Number(entity.slice(1).replace(/^x/i, '0x'))
      return code < 0x110000 ? String.fromCodePoint(code) : written
    })
}

function urlEncode(run: Run, value: Value): Value {
  const string = asText(value)
  const isIterable = Array.isArray(value) || (value instanceof Thing && value.iterate() !== undefined)
  if (string !== undefined || !isIterable) return urlQuote(str(value, run.budget), '/', run.budget)
  const pairs =
    value instanceof Dict
      ? [...value.entries.values()]
      : toList(value, run.budget).map((item) => toList(item, run.budget))
  const quoted = (one: Value) => urlQuote(str(one, run.budget), '', run.budget).replaceAll('%20', '+')
  return pairs
    .map((pair) => {
      if (pair.length !== 2) throw new Fault('urlencode: expected pairs')
      return `${quoted(pair[0] as Value)}=${quoted(pair[1] as Value)}`
    })
    .join('&')
}

function toJsonFilter(
  run: Run,
  value: Value,
  ensureAscii: Value,
  indent: Value,
  separators: Value,
  sortKeys: Value,
): Value {
  const spaces = indent === null ? undefined : (asText(indent) ?? ' '.repeat(limited(run, indent)))
  const given =
    separators === null
      ? [spaces === undefined ? ', ' : ',', ': ']
      : toList(separators, run.budget).map(textOf)
  if (given.length !== 2) throw new Fault('tojson: expected two separators')
  const byKey = (entries: (readonly [Value, Value])[]) =>
    entries.sort(([a], [b]) => compare('<', a, b, run.budget))
  const style = {
    indent: spaces,
    ensureAscii: isTrue(ensureAscii),
    separators: given as [string, string],
    sorted: isTrue(sortKeys) ? byKey : undefined,
  }
  return toJson(value, style, run.budget)
}

function format(run: Run, value: Value, args: Value[], named: Dict): Value {
  if (args.length > 0 && named.isTrue())
    throw new Fault("can't handle positional and keyword arguments at the same time")
  const template = asText(value) === undefined ? str(value, run.budget) : value
  return percentFormat(template, named.isTrue() ? named : new Tuple(args), run.budget)
}

const functions: Functions = {
  'abs(x, /)': (_run, x: Value) => {
    const number = asNumber(x)
    refuseUndefined(x)
    if (number === undefined) throw new Fault(`bad operand type for abs(): '${typeName(x)}'`)
    return typeof number === 'number' ? Math.abs(number) : number < 0n ? -number : number
  },
  'attr(obj, name)': (run, obj: Value, name: Value) => {
    refuseUndefined(obj)
    const found = pythonAttribute(obj, textOf(name), run)
    return found === undefined
      ? new Undefined(() => `'${typeName(obj)} object' has no attribute '${textOf(name)}'`)
      : found
  },
  'capitalize(s)': asMethod('capitalize'),
  'center(value, width=80)': asMethod('center'),
  'count(obj, /)': length,
  "d(value, default_value='', boolean=False)": fallback,
  "default(value, default_value='', boolean=False)": fallback,
  'e(s, /)': escaped,
  'escape(s, /)': escaped,
  'filesizeformat(value, binary=False)': fileSize,
  'float(value, default=0.0)': toFloatFilter,
  'forceescape(value)': (run, value: Value) =>
    new Markup(text.escapeHtml(str(value, run.budget), run.budget)),
  'format(value, *args, **kwargs)': format,
  'indent(s, width=4, first=False, blank=False)': indent,
  'int(value, default=0, base=10)': toInt,
  'length(obj, /)': length,
  'lower(s)': asMethod('lower'),
  'pprint(value)': (run, value: Value) => pprint(value, run.budget),
  'random(seq)': () => {
    throw new Fault('random is random, which no prompt can want')
  },
  'replace(s, old, new, count=None)': replace,
  "round(value, precision=0, method='common')": roundNumber,
  'safe(value)': (run, value: Value) => new Markup(str(value, run.budget)),
  'string(object, /)': (run, value: Value) => (value instanceof Markup ? value : str(value, run.budget)),
  'striptags(value)': stripTags,
  'title(s)': title,
  'tojson(x, ensure_ascii=False, indent=None, separators=None, sort_keys=False)': toJsonFilter,
  'trim(value, chars=None)': asMethod('strip'),
  "truncate(s, length=255, killwords=False, end='...', leeway=None)": truncate,
  'upper(s)': asMethod('upper'),
  'urlencode(value)': urlEncode,
  'urlize(value, trim_url_limit=None, nofollow=False, target=None, rel=None, extra_schemes=None)': urlize,
  'wordcount(s)': (run, s: Value) => BigInt(softText(run, s).match(/[\p{L}\p{N}_]+/gu)?.length ?? 0),
  'wordwrap(s, width=79, break_long_words=True, wrapstring=None, break_on_hyphens=True)': wordWrap,
  'xmlattr(d, autospace=True)': xmlAttributes,
}

/** Jinja's filters, by the signatures that its documentation gives them. */
export const filters = tableOf({ ...functions, ...listFilters })
