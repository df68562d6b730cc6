import type { Budget } from '../python/budget.js'
import { escapeHtml, markup } from '../python/markup.js'
import { isIterable, toList } from '../python/operators.js'
import { str } from '../python/print.js'
import { textOf } from '../python/signature.js'
import { countCharacters, firstCharacters, splitSpaces, wordsOf } from '../python/text.js'
import { asText, Dict, Fault, Markup, type Value } from '../python/values.js'
import type { Run } from './run.js'

/** Python's `urllib.parse.quote(text, safe)`. */
function urlQuote(text: string, safe: string, budget: Budget): string {
  budget.list(text.length * 3)
  if (/[\ud800-\udfff]/u.test(text)) throw new Fault('surrogates have no UTF-8')
  return Array.from(new TextEncoder().encode(text), (byte) => {
    const character = String.fromCharCode(byte)
    if (/[A-Za-z0-9_.~-]/.test(character) || safe.includes(character)) return character
    return `%${byte.toString(16).toUpperCase().padStart(2, '0')}`
  }).join('')
}

/** A text quoted, or pairs as the query of an address. */
export function urlEncode(run: Run, value: Value): Value {
  if (asText(value) !== undefined || !isIterable(value))
    return urlQuote(str(value, run.budget), '/', run.budget)
  const quoted = (one: Value) => urlQuote(str(one, run.budget), '', run.budget).replaceAll('%20', '+')
  const pairs: (readonly Value[])[] =
    value instanceof Dict
      ? [...value.entries.values()]
      : toList(value, run.budget).map((pair) => toList(pair, run.budget))
  const query = pairs.map(([key, one, ...more]) => {
    if (key === undefined || one === undefined || more.length > 0)
      throw new Fault('urlencode: expected pairs')
    return `${quoted(key)}=${quoted(one)}`
  })
  return query.join('&')
}

/** Links for what looks like an address. */
export function urlize(
  run: Run,
  value: Value,
  limit: number | null,
  isNofollow: boolean,
  target: Value,
  rel: Value,
  schemes: Value[] | null,
): Value {
  const rels = new Set([...wordsOf(asText(rel) ?? ''), ...(isNofollow ? ['nofollow'] : []), 'noopener'])
  const extra = schemes?.map(textOf) ?? []
  for (const scheme of extra) {
    if (!/^[\p{L}\p{N}_.+-]{2,}:\/{0,2}$/u.test(scheme))
      throw new Fault(`'${scheme}' is not a valid URI scheme prefix.`)
  }
  const attribute = (name: string, text: string) =>
    text === '' ? '' : ` ${name}="${escapeHtml(text, run.budget)}"`
  const attributes = attribute('rel', [...rels].sort().join(' ')) + attribute('target', asText(target) ?? '')
  const text = markup(value, run.budget)
  run.budget.list(text.length * 4)
  const link = linker(attributes, limit ?? Number.POSITIVE_INFINITY, extra)
  const linked = splitSpaces(text).map((word, i) => (i % 2 === 0 ? linkWord(word, link) : word))
  const result = linked.join('')
  run.budget.text(result.length)
  return run.autoescape ? new Markup(result) : result
}

const opening = /^(?:[(<]|&lt;)+/
const closing = [')', '>', '.', ',', '\n', '&gt;']
const pairs = { '(': ')', '<': '>', '&lt;': '&gt;' }
const count = (text: string, part: string) => text.split(part).length - 1

/** A word without the brackets and points around it, as a link where it looks like one. */
function linkWord(word: string, link: (text: string) => string): string {
  const start = opening.exec(word)?.[0].length ?? 0
  let end = word.length
  const closes = (one: string) => end - one.length >= start && word.startsWith(one, end - one.length)
  for (let close = closing.find(closes); close !== undefined; close = closing.find(closes))
    end -= close.length
  // Brackets that were opened within the word belong to it.
  for (const [open, close] of Object.entries(pairs)) {
    const opened = count(word.slice(start, end), open)
    if (opened <= count(word.slice(start, end), close)) continue
    for (let moved = Math.min(opened, count(word.slice(end), close)); moved > 0; moved--)
      end = word.indexOf(close, end) + close.length
  }
  return word.slice(0, start) + link(word.slice(start, end)) + word.slice(end)
}

const label = '[\\p{L}\\p{N}_%-]'
const topLevel = '(?:[a-z]{2,63}|xn--[\\p{L}\\p{N}_%]{2,59})'
// As Jinja has them, but none can be read in two ways.
const hosts = [
  `(?:https?://|www\\.)(?:${label}+\\.)*${topLevel}`,
  `(?:${label}{2,63}\\.)+(?:com|net|int|edu|gov|org|info|mil)`,
  'https?://(?:\\d{1,3}(?:\\.\\d{1,3}){3}|\\[(?<ip6>[\\da-f:]+)\\])',
]
const webAddress = new RegExp(`^(?:${hosts.join('|')})(?::\\d{1,5})?(?:[/?#].*)?$`, 'ius')
const mailAddress = /^.+@[\p{L}\p{N}_][\p{L}\p{N}_.-]*\.[\p{L}\p{N}_]+$/su

function isWebAddress(text: string): boolean {
  const match = webAddress.exec(text)
  return match !== null && (match.groups?.ip6 === undefined || isIp6(match.groups.ip6))
}

/** Two groups with colons after them, then up to six groups of up to four digits. */
function isIp6(text: string): boolean {
  const [first = '', second = '', ...rest] = text.split(':')
  const groups = rest.reduce((sum, group) => sum + Math.max(1, Math.ceil(group.length / 4)), 0)
  return (
    rest.length > 0 && first.length <= 4 && second.length <= 4 && groups - (rest.at(-1) === '' ? 1 : 0) <= 6
  )
}

function linker(attributes: string, limit: number, schemes: string[]) {
  const to = (address: string, shown: string, more: string) => `<a href="${address}"${more}>${shown}</a>`
  return (text: string): string => {
    if (isWebAddress(text)) {
      const shown = countCharacters(text) > limit ? `${firstCharacters(text, limit)}...` : text
      return to(/^https?:\/\//.test(text) ? text : `https://${text}`, shown, attributes)
    }
    const name = text.startsWith('mailto:') ? text.slice(7) : text
    const mayBeMail = name !== text || !(/^(?:www\.|@)/.test(text) || text.includes(':'))
    if (mayBeMail && mailAddress.test(name)) return to(`mailto:${name}`, name, '')
    const link = (linked: string, scheme: string) =>
      linked !== scheme && linked.startsWith(scheme) ? to(linked, linked, attributes) : linked
    return schemes.reduce(link, text)
  }
}
