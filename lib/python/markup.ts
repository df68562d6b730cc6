import type { Budget } from './budget.js'
import { toList } from './operators.js'
import { str } from './print.js'
import { wordsOf } from './text.js'
import { Markup, Tuple, type Value } from './values.js'

// MarkupSafe: texts that are HTML.

const entities: Record<string, string> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  "'": '&#39;',
  '"': '&#34;',
}
const named: Record<string, string> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'", nbsp: '\xa0' }

export function escapeHtml(text: string, budget: Budget): string {
  budget.text(text.length * 5)
  return text.replace(/[&<>'"]/g, (character) => entities[character] as string)
}

/** A value as HTML. */
export function markup(value: Value, budget: Budget): string {
  return value instanceof Markup ? value.text : escapeHtml(str(value, budget), budget)
}

/** Without its comments, its tags and all white space but one blank between words; entities are the characters that they mean. */
export function stripTags(html: string): string {
  const plain = without(without(html, '<!--', '-->'), '<', '>')
  return unescapeHtml(wordsOf(plain).join(' '))
}

function without(html: string, open: string, close: string): string {
  let kept = ''
  let at = 0
  for (let start = html.indexOf(open); start >= 0; start = html.indexOf(open, at)) {
    const end = html.indexOf(close, start)
    if (end < 0) break
    kept += html.slice(at, start)
    at = end + close.length
  }
  return kept + html.slice(at)
}

function unescapeHtml(html: string): string {
  return html.replace(/&(#\d{1,7}|#[xX][\da-fA-F]{1,6}|[a-zA-Z]{1,8});/g, (written, entity: string) => {
    if (!entity.startsWith('#')) return named[entity] ?? written
    const code = Number(entity.slice(1).replace(/^x/i, '0x'))
    return code < 0x110000 ? String.fromCodePoint(code) : written
  })
}

/** A method of texts on HTML: what it gives is HTML, and plain texts that are put into it are escaped. */
export function callOnMarkup(
  name: string,
  args: readonly Value[],
  call: (args: readonly Value[]) => Value,
  budget: Budget,
): Value {
  const escaped = (value: Value): Value => (typeof value === 'string' ? markup(value, budget) : value)
  const wrapped = (value: Value): Value => {
    if (Array.isArray(value)) return value.map(wrapped)
    if (value instanceof Tuple) return new Tuple(value.items.map(wrapped))
    return typeof value === 'string' ? new Markup(value) : value
  }
  if (name === 'join')
    return wrapped(call(args.map((items) => toList(items, budget).map((one) => markup(one, budget)))))
  if (name === 'format') return wrapped(call(args.map(escaped)))
  if (name === 'replace') return wrapped(call(args.map((value, i) => (i === 0 ? value : escaped(value)))))
  return wrapped(call(args))
}
