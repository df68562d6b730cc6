import { len } from '../python/builtins.js'
import { escapeHtml, markup, stripTags } from '../python/markup.js'
import { asMethod } from '../python/methods.js'
import { percentFormat } from '../python/percent.js'
import { str } from '../python/print.js'
import { intOf, textOf } from '../python/signature.js'
import * as text from '../python/text.js'
import { asText, type Dict, Fault, Markup, Tuple, Undefined, type Value } from '../python/values.js'
import { wordWrap } from '../python/wordwrap.js'
import type { Functions, Run } from './run.js'
import { urlEncode, urlize } from './urls.js'

/** A text, or the text of a value. HTML stays HTML. */
const softText = (run: Run, value: Value) => asText(value) ?? str(value, run.budget)

/** The same kind of text as another. */
const like = (value: Value, result: string): Value => (value instanceof Markup ? new Markup(result) : result)

const escaped = (run: Run, value: Value) => new Markup(markup(value, run.budget))

/** What words are made of: between them is white space, or what opens something. */
const inWord = `(?:(?!${text.space})[^-({\\[<])`
const words = new RegExp(`(${inWord})(${inWord}*)`, 'gu')

function title(run: Run, value: Value): Value {
  const capitals = (_word: string, first: string, rest: string) => first.toUpperCase() + rest.toLowerCase()
  return like(value, softText(run, value).replace(words, capitals))
}

function replace(run: Run, value: Value, old: Value, to: Value, count: number | null): Value {
  const isHtml = run.autoescape && [value, old, to].some((one) => one instanceof Markup)
  const textOfEither = (one: Value) => (isHtml ? markup(one, run.budget) : str(one, run.budget))
  const replaced = text.replace(
    textOfEither(value),
    str(old, run.budget),
    textOfEither(to),
    count ?? -1,
    run.budget,
  )
  return isHtml ? new Markup(replaced) : replaced
}

/** A text, or as many blanks. */
export function indention(run: Run, width: Value): string {
  const given = asText(width)
  if (given !== undefined) return given
  const size = Math.max(0, intOf(width))
  run.budget.text(size)
  return ' '.repeat(size)
}

function indent(run: Run, value: Value, width: Value, first: boolean, blank: boolean): Value {
  const before = indention(run, width)
  const self = textOf(value)
  const lines = text.splitLines(`${self}\n`)
  run.budget.text(self.length + before.length * lines.length)
  const indented = lines.map((line, i) => ((i === 0 ? first : blank || line !== '') ? before + line : line))
  return like(value, indented.join('\n'))
}

function truncate(
  run: Run,
  value: Value,
  most: number,
  killWords: boolean,
  end: Value,
  leeway: number | null,
): Value {
  const ending = text.countCharacters(textOf(end))
  const slack = leeway ?? 5
  if (most < ending || slack < 0) throw new Fault(`truncate: expected a length of ${ending} or more`)
  if (len(run, value) <= most + slack) return value
  const kept = text.firstCharacters(textOf(value), most - ending)
  const space = killWords ? -1 : kept.lastIndexOf(' ')
  const shown = value instanceof Markup ? markup(end, run.budget) : textOf(end)
  return like(value, (space < 0 ? kept : kept.slice(0, space)) + shown)
}

function xmlAttributes(run: Run, value: Dict, autoSpace: boolean): Value {
  const items: string[] = []
  for (const [key, one] of value.entries.values()) {
    if (one === null || one instanceof Undefined) continue
    if (/[ \t-\r/>=]/.test(textOf(key))) throw new Fault('Invalid character in attribute name')
    items.push(`${markup(key, run.budget)}="${markup(one, run.budget)}"`)
  }
  const joined = (autoSpace && items.length > 0 ? ' ' : '') + items.join(' ')
  run.budget.text(joined.length)
  return run.autoescape ? new Markup(joined) : joined
}

function format(run: Run, value: Value, args: Value[], named: Dict): Value {
  if (args.length > 0 && named.isTrue())
    throw new Fault("can't handle positional and keyword arguments at the same time")
  const template = asText(value) === undefined ? str(value, run.budget) : value
  return percentFormat(template, named.isTrue() ? named : new Tuple(args), run.budget)
}

/** Jinja's filters of texts. */
export const textFilters: Functions = {
  'capitalize(s)': asMethod('capitalize'),
  'center(value, width=80)': asMethod('center'),
  'e(s, /)': escaped,
  'escape(s, /)': escaped,
  'forceescape(value)': (run, value: Value) => new Markup(escapeHtml(str(value, run.budget), run.budget)),
  'format(value, *args, **kwargs)': format,
  'indent(s, width=4, first: bool=False, blank: bool=False)': indent,
  'lower(s)': asMethod('lower'),
  'replace(s, old, new, count: int=None)': replace,
  'safe(value)': (run, value: Value) => new Markup(str(value, run.budget)),
  'string(object, /)': (run, value: Value) => (value instanceof Markup ? value : str(value, run.budget)),
  'striptags(value)': (run, value: Value) => stripTags(str(value, run.budget)),
  'title(s)': title,
  'trim(value, chars=None)': asMethod('strip'),
  "truncate(s, length: int=255, killwords: bool=False, end='...', leeway: int=None)": truncate,
  'upper(s)': asMethod('upper'),
  'urlencode(value)': urlEncode,
  'urlize(value, trim_url_limit: int=None, nofollow: bool=False, target=None, rel=None, extra_schemes: list=None)':
    urlize,
  'wordcount(s)': (run, s: Value) => BigInt(softText(run, s).match(/[\p{L}\p{N}_]+/gu)?.length ?? 0),
  'wordwrap(s: str, width: int=79, break_long_words: bool=True, wrapstring: str=None, break_on_hyphens: bool=True)':
    wordWrap,
  'xmlattr(d: dict, autospace: bool=True)': xmlAttributes,
}
