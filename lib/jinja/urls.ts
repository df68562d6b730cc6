import type { Budget } from '../python/budget.js'
import { markup, toList } from '../python/operators.js'
import { intOf, textOf } from '../python/signature.js'
import { countCharacters, escapeHtml, splitSpaces } from '../python/text.js'
import { asText, Fault, isTrue, Markup, type Value } from '../python/values.js'
import type { Run } from './run.js'

const unreserved = /[A-Za-z0-9_.~-]/
const isWord = (character: string | undefined) => character !== undefined && /[\p{L}\p{N}_]/u.test(character)

/** `urllib.parse.quote(text, safe)`. */
export function urlQuote(text: string, safe: string, budget: Budget): string {
  budget.list(text.length * 3)
  if (/[\ud800-\udfff]/u.test(text)) throw new Fault('surrogates have no UTF-8')
  return Array.from(new TextEncoder().encode(text), (byte) => {
    const character = String.fromCharCode(byte)
    const isKept = byte < 0x80 && (unreserved.test(character) || safe.includes(character))
    return isKept ? character : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`
  }).join('')
}

/** Jinja's `urlize`: links for what looks like an address. */
export function urlize(
  run: Run,
  value: Value,
  limit: Value,
  nofollow: Value,
  target: Value,
  rel: Value,
  schemes: Value,
): Value {
  const rels = new Set([
    ...splitWords(asText(rel) ?? ''),
    ...(isTrue(nofollow) ? ['nofollow'] : []),
    'noopener',
  ])
  const extra = schemes === null ? [] : toList(schemes, run.budget).map(textOf)
  for (const scheme of extra) {
    if (!/^[\p{L}\p{N}_.+-]{2,}:\/{0,2}$/u.test(scheme))
      throw new Fault(`'${scheme}' is not a valid URI scheme prefix.`)
  }
  const attribute = (name: string, text: string) =>
    text === '' ? '' : ` ${name}="${escapeHtml(text, run.budget)}"`
  const style: LinkStyle = {
    attributes: attribute('rel', [...rels].sort().join(' ')) + attribute('target', asText(target) ?? ''),
    limit: limit === null ? Number.POSITIVE_INFINITY : intOf(limit),
    schemes: extra,
  }
  const text = markup(value, run.budget)
  run.budget.list(text.length * 4)
  const linked = splitSpaces(text).map((word, i) => (i % 2 === 0 ? linkWord(word, style) : word))
  const result = linked.join('')
  run.budget.text(result.length)
  return run.autoescape ? new Markup(result) : result
}

interface LinkStyle {
  attributes: string
  limit: number
  schemes: string[]
}

const splitWords = (text: string) => splitSpaces(text).filter((word, i) => i % 2 === 0 && word !== '')
const opening = ['(', '<', '&lt;']
const closing = [')', '>', '.', ',', '\n', '&gt;']

/** A word without the brackets and points around it, as a link where it looks like one. */
function linkWord(word: string, style: LinkStyle): string {
  let start = 0
  for (let open = startOf(word, start); open !== undefined; open = startOf(word, start)) start += open.length
  let end = word.length
  for (let close = endOf(word, start, end); close !== undefined; close = endOf(word, start, end))
    end -= close.length
  let middle = word.slice(start, end)
  let tail = word.slice(end)
  for (const [open, close] of [
    ['(', ')'],
    ['<', '>'],
    ['&lt;', '&gt;'],
  ] as const) {
    const count = (text: string, part: string) => text.split(part).length - 1
    const opened = count(middle, open)
    if (opened <= count(middle, close)) continue
    for (let moved = Math.min(opened, count(tail, close)); moved > 0; moved--) {
      const at = tail.indexOf(close) + close.length
      middle += tail.slice(0, at)
      tail = tail.slice(at)
    }
  }
  return word.slice(0, start) + link(middle, style) + tail
}

const startOf = (word: string, at: number) => opening.find((one) => word.startsWith(one, at))
const endOf = (word: string, start: number, end: number) =>
  closing.find((one) => end - one.length >= start && word.startsWith(one, end - one.length))

function link(text: string, { attributes, limit, schemes }: LinkStyle): string {
  const shown = countCharacters(text) > limit ? `${Array.from(text).slice(0, limit).join('')}...` : text
  const to = (address: string, label: string, more: string) => `<a href="${address}"${more}>${label}</a>`
  if (isWebAddress(text)) return to(/^https?:\/\//.test(text) ? text : `https://${text}`, shown, attributes)
  if (text.startsWith('mailto:') && isMailAddress(text.slice(7))) return to(text, text.slice(7), '')
  const mayBeMail =
    text.includes('@') && !text.startsWith('www.') && !text.startsWith('@') && !text.includes(':')
  if (mayBeMail && isMailAddress(text)) return to(`mailto:${text}`, text, '')
  return schemes.reduce(
    (linked, scheme) =>
      linked !== scheme && linked.startsWith(scheme) ? to(linked, linked, attributes) : linked,
    text,
  )
}

function isMailAddress(text: string): boolean {
  const at = text.lastIndexOf('@')
  const host = text.slice(at + 1)
  const dot = host.lastIndexOf('.')
  const isName = [...host].every((one) => isWord(one) || one === '.' || one === '-')
  return (
    at > 0 &&
    dot > 0 &&
    isWord(host[0]) &&
    isName &&
    dot + 1 < host.length &&
    [...host.slice(dot + 1)].every(isWord)
  )
}

/** A scheme or www and a host that may end in anything, or a host with a well-known end; then a port, a path. */
function isWebAddress(text: string): boolean {
  const scheme = /^https?:\/\//i.exec(text)?.[0] ?? ''
  const rest = text.slice(scheme.length)
  const pathAt = [...rest].findIndex((one) => '/?#'.includes(one))
  const hostAndPort = pathAt < 0 ? rest : Array.from(rest).slice(0, pathAt).join('')
  const colon = hostAndPort.startsWith('[')
    ? hostAndPort.indexOf(':', hostAndPort.indexOf(']'))
    : hostAndPort.indexOf(':')
  const host = colon < 0 ? hostAndPort : hostAndPort.slice(0, colon)
  if (colon >= 0 && !/^:\d{1,5}$/.test(hostAndPort.slice(colon))) return false
  const isLabel = (label: string, least: number, most: number) =>
    label.length >= least &&
    label.length <= most &&
    [...label].every((one) => isWord(one) || one === '%' || one === '-')
  const isTopLevel = (label: string) =>
    /^[a-z]{2,63}$/i.test(label) ||
    (/^xn--/i.test(label) && isLabel(label.slice(4).replaceAll('-', '/'), 2, 59))
  const named = (name: string) => {
    const labels = name.split('.')
    const top = labels.pop() as string
    return isTopLevel(top) && labels.every((label) => isLabel(label, 1, Number.POSITIVE_INFINITY))
  }
  if (scheme !== '' && (named(host) || /^\d{1,3}(\.\d{1,3}){3}$/.test(host) || isIp6(host))) return true
  if (/^www\./i.test(host) && scheme === '' && named(host.slice(4))) return true
  const labels = host.split('.')
  const top = (labels.pop() as string).toLowerCase()
  const isKnown = ['com', 'net', 'int', 'edu', 'gov', 'org', 'info', 'mil'].includes(top)
  return scheme === '' && isKnown && labels.length > 0 && labels.every((label) => isLabel(label, 2, 63))
}

function isIp6(host: string): boolean {
  const groups = host.slice(1, -1).split(':')
  return (
    host.startsWith('[') &&
    host.endsWith(']') &&
    groups.length >= 3 &&
    groups.length <= 9 &&
    groups.every((one) => /^[\da-f]{0,4}$/i.test(one))
  )
}
