import type { Budget } from './budget.js'
import { formatNumber, limited, mostDigits, padded, type Spec } from './format.js'
import { escaped } from './literals.js'
import { escapeHtml } from './markup.js'
import { repr, str } from './print.js'
import { characterOf, countCharacters, firstCharacters } from './text.js'
import {
  asNumber,
  asText,
  Dict,
  Fault,
  Markup,
  Range,
  refuseUndefined,
  Tuple,
  typeName,
  Undefined,
  type Value,
} from './values.js'

/** Flags, width, precision, a length that means nothing, and the type. */
const specPattern = /([-+ #0]*)(\*|\d*)(?:\.(\*|\d*))?[hlL]?(.)?/suy

/** `template % values`. */
export function percentFormat(template: Value, values: Value, budget: Budget): Value {
  const text = asText(template) as string
  const items = values instanceof Tuple ? values.items : [values]
  const isHtml = template instanceof Markup
  let used = 0
  let isNamed = false
  const next = (): Value => {
    if (used >= items.length) throw new Fault('not enough arguments for format string')
    return items[used++] as Value
  }
  let result = ''
  for (let at = 0; at < text.length; at++) {
    const percent = text.indexOf('%', at)
    result += text.slice(at, percent < 0 ? text.length : percent)
    budget.text(result.length)
    if (percent < 0) break
    at = percent + 1
    let value: Value | undefined
    if (text[at] === '(') {
      let depth = 1
      let end = at + 1
      for (; end < text.length && depth > 0; end++)
        depth += text[end] === '(' ? 1 : text[end] === ')' ? -1 : 0
      if (!(values instanceof Dict)) throw new Fault('format requires a mapping')
      value = values.get(text.slice(at + 1, end - 1), budget)
      if (depth > 0 || value === undefined) throw new Fault(`there is no value for ${text.slice(at, end)}`)
      at = end
      isNamed = true
    }
    specPattern.lastIndex = at
    const [spec = '', given = '', size, places, type] = specPattern.exec(text) ?? []
    at += spec.length - 1
    const number = (written: string): number => {
      if (written !== '*') return Number(written)
      const value = next()
      if (typeof value !== 'bigint') throw new Fault('* wants int')
      return Number(value)
    }
    const signed = number(size ?? '')
    const flags = signed < 0 ? `${given}-` : given
    const width = Math.abs(signed)
    const precision = places === undefined ? undefined : limited(String(number(places)), mostDigits)
    if (type === undefined) throw new Fault('incomplete format')
    if (type === '%') {
      result += '%'
      continue
    }
    const sign = flags.includes('+') ? '+' : flags.includes(' ') ? ' ' : '-'
    const hasZeros = flags.includes('0') && !flags.includes('-')
    const style: Spec = {
      fill: ' ',
      align: flags.includes('-') ? '<' : '>',
      sign,
      isAlternate: flags.includes('#'),
      width: limited(String(width), 1_000_000),
      grouping: '',
      precision,
      type,
    }
    const shown = percentValue(value === undefined ? next() : value, style, hasZeros, budget)
    result += isHtml && 'sra'.includes(type) ? escapeHtml(shown, budget) : shown
  }
  const mayBeLeft =
    isNamed || Array.isArray(values) || [Dict, Undefined, Range].some((type) => values instanceof type)
  if (used < items.length && !mayBeLeft)
    throw new Fault('not all arguments converted during string formatting')
  budget.text(result.length)
  return isHtml ? new Markup(result) : result
}

function percentValue(value: Value, spec: Spec, hasZeros: boolean, budget: Budget): string {
  const { type, precision } = spec
  if ('sra'.includes(type)) {
    const shown = type === 's' ? str(value, budget) : repr(value, budget)
    const text = type === 'a' ? shown.replace(/[^\0-\x7f]/gu, escaped) : shown
    return padded(precision === undefined ? text : firstCharacters(text, precision), spec, '', budget)
  }
  if (type === 'c') {
    const text = typeof value === 'bigint' ? characterOf(value) : asText(value)
    if (text === undefined || countCharacters(text) !== 1) throw new Fault('%c requires int or char')
    return padded(text, spec, '', budget)
  }
  const number = asNumber(value)
  refuseUndefined(value)
  if (!'diuoxXeEfFgG'.includes(type) || number === undefined) {
    throw new Fault(`%${type} format: a number is required, not ${typeName(value)}`)
  }
  const isInt = 'diuoxX'.includes(type)
  if (isInt && typeof number === 'number' && ('oxX'.includes(type) || !Number.isFinite(number)))
    throw new Fault(`%${type} format: an integer is required, not float`)
  const whole = isInt && typeof number === 'number' ? BigInt(Math.trunc(number)) : number
  const zeros = hasZeros && Number.isFinite(Number(whole)) ? { fill: '0', align: '=' } : {}
  return formatNumber(whole, { ...spec, ...zeros, type: 'iu'.includes(type) ? 'd' : type }, budget)
}
