import type { Budget } from './budget.js'
import { exponential, fixed } from './decimal.js'
import { placeOrName, toFloat } from './numbers.js'
import { printFloat, printInt, repr, str } from './print.js'
import type { Context } from './signature.js'
import { characterOf, countCharacters, firstCharacters, strip } from './text.js'
import { asNumber, asText, type Dict, Fault, typeName, type Value } from './values.js'

export const mostDigits = 1000

export interface Spec {
  fill: string
  align: string
  sign: string
  isAlternate: boolean
  width: number
  grouping: string
  precision: number | undefined
  type: string
}

/** A number with its sign, its groups, and what fills it up. */
export function formatNumber(value: bigint | number, spec: Spec, budget: Budget): string {
  const signed = value < 0 || Object.is(value, -0) ? '-' : spec.sign === '-' ? '' : spec.sign
  const sign = signed + (spec.isAlternate && /[boxX]/.test(spec.type) ? `0${spec.type}` : '')
  const digits = digitsOf(value, spec, budget)
  return padded(spec.grouping === '' ? digits : grouped(digits, spec, sign.length), spec, sign, budget)
}

function digitsOf(value: bigint | number, spec: Spec, budget: Budget): string {
  const lower = spec.type.toLowerCase()
  budget.spend(spec.precision ?? 0)
  let digits: string
  if (lower === '' ? typeof value === 'bigint' : 'bdox'.includes(lower)) {
    const base = { b: 2, o: 8, x: 16 }[lower] ?? 10
    const size = BigInt(value) < 0n ? -BigInt(value) : BigInt(value)
    digits = base === 10 ? printInt(size, budget) : size.toString(base)
    digits = digits.padStart(spec.precision ?? 0, '0')
  } else {
    digits = floatDigits(Math.abs(toFloat(value)), lower, spec)
    const lacksPoint = spec.isAlternate && !digits.includes('.') && Number.isFinite(Number(value))
    if (lacksPoint) digits = digits.replace(/(?=[e%]|$)/, '.')
  }
  return spec.type === lower ? digits : digits.toUpperCase()
}

function floatDigits(value: number, type: string, { precision, isAlternate }: Spec): string {
  if (!Number.isFinite(value)) return printFloat(value) + (type === '%' ? '%' : '')
  if (type === '%') return `${fixed(value * 100, precision ?? 6)}%`
  if (type === 'f') return fixed(value, precision ?? 6)
  if (type === 'e') return scientific(value, precision ?? 6)
  if (type === '' && precision === undefined) return printFloat(value)
  // 'g', and the default, which keeps a digit after the point
  const significant = Math.max(1, precision ?? 6)
  const { power } = exponential(value, significant - 1)
  const isLong = power < -4 || power >= significant - (type === '' ? 1 : 0)
  const text = isLong ? scientific(value, significant - 1) : fixed(value, significant - 1 - power)
  if (isAlternate) return text
  const [mantissa = '', exponent] = text.split('e')
  const short = mantissa.includes('.') ? strip(strip(mantissa, 'right', '0'), 'right', '.') : mantissa
  if (exponent !== undefined) return `${short}e${exponent}`
  return type === '' && !short.includes('.') ? `${short}.0` : short
}

function scientific(value: number, places: number): string {
  const { digits, power } = exponential(value, places)
  const mantissa = places > 0 ? `${digits[0]}.${digits.slice(1)}` : digits
  return `${mantissa}e${power < 0 ? '-' : '+'}${String(Math.abs(power)).padStart(2, '0')}`
}

export function padded(text: string, { width, fill, align }: Spec, sign: string, budget: Budget): string {
  const missing = width - countCharacters(text) - sign.length
  if (missing <= 0) return sign + text
  budget.text(width)
  if (align === '=') return sign + fill.repeat(missing) + text
  const left = align === '<' ? 0 : align === '>' ? missing : missing >> 1
  return fill.repeat(left) + sign + text + fill.repeat(missing - left)
}

export function limited(number: string | undefined, most: number): number {
  if (number !== undefined && Number(number) > most)
    throw new Fault(`a width or precision of ${most} at most is expected`)
  return Number(number ?? 0)
}

/** Fill and alignment, sign, '#', '0', width, grouping, precision and type. */
const specPattern = /^(?:(.)?([<>=^]))?([-+ ])?(#)?(0)?(\d+)?([,_])?(?:\.(\d+))?(.)?$/su

/** `format(value, spec)`. */
function formatValue(value: Value, text: string, budget: Budget): string {
  if (text === '') return str(value, budget)
  const parsed = specPattern.exec(text)
  if (parsed === null) throw new Fault(`invalid format specifier '${text}'`)
  const [, fill = '', given = '', sign = '', hash, zero, size, grouping = '', places, type = ''] = parsed
  const hasZero = zero !== undefined
  const spec: Spec = {
    fill: fill || (hasZero ? '0' : ' '),
    align: given,
    sign,
    isAlternate: hash !== undefined,
    width: limited(size, 1_000_000),
    grouping,
    precision: places === undefined ? undefined : limited(places, mostDigits),
    type,
  }
  const number = asNumber(value)
  const unsupported = () => new Fault(`unsupported format '${text}' for ${typeName(value)}`)
  const isPlain = sign === '' && hash === undefined && grouping === ''
  if (number === undefined) {
    const whole = asText(value)
    if (whole === undefined || !isPlain || given === '=' || !['', 's'].includes(type)) throw unsupported()
    const cut = places === undefined ? whole : firstCharacters(whole, spec.precision as number)
    return padded(cut, { ...spec, align: given || '<' }, '', budget)
  }
  const isInt = typeof number === 'bigint'
  const ofInts = isInt && /^[bcdoxXn]?$/.test(type)
  if (!ofInts && !/^[eEfFgGn%]?$/.test(type)) throw unsupported()
  if (ofInts && places !== undefined) throw unsupported()
  if (/[cn]/.test(type) ? grouping !== '' : grouping === ',' && /[boxX]/.test(type)) throw unsupported()
  spec.align ||= hasZero ? '=' : '>'
  if (type === 'c') {
    if (!isPlain) throw unsupported()
    return padded(characterOf(number as bigint), spec, '', budget)
  }
  if (type === 'n') spec.type = isInt ? 'd' : 'g'
  return formatNumber(number, spec, budget)
}

/** Digits with a separator between groups; zeros that fill the width are grouped too. */
function grouped(digits: string, { fill, align, width, type, grouping }: Spec, signs: number): string {
  const size = /[boxX]/.test(type) ? 4 : 3
  const [, given = '', rest = ''] = (size === 4 ? /^(.*)()$/ : /^(\d*)(.*)$/).exec(digits) ?? []
  let count = given.length
  if (align === '=' && fill === '0') {
    while (count + Math.floor((count - 1) / size) + rest.length + signs < Math.min(width, mostDigits)) count++
  }
  const whole = given.padStart(count, '0')
  const groups: string[] = []
  for (let at = whole.length; at > 0; at -= size) groups.push(whole.slice(Math.max(0, at - size), at))
  return groups.reverse().join(grouping) + rest
}

/** `template.format(*args, **kwargs)`. */
export function braceFormat(
  template: string,
  args: Value[],
  named: Dict,
  run: Context,
  numbering = { next: 0, byHand: false },
  level = 2,
): string {
  if (level < 0) throw new Fault('Max string recursion exceeded')
  let result = ''
  for (let at = 0; at < template.length; at++) {
    const character = template[at] as string
    const isDoubled = template[at + 1] === character
    if ((character !== '{' && character !== '}') || isDoubled) {
      result += character
      if (character === '{' || character === '}') at++
      continue
    }
    if (character === '}') throw new Fault("Single '}' encountered in format string")
    let depth = 1
    let end = at + 1
    for (; end < template.length && depth > 0; end++)
      depth += template[end] === '{' ? 1 : template[end] === '}' ? -1 : 0
    if (depth > 0) throw new Fault("expected '}' before end of string")
    const field = splitField(template.slice(at + 1, end - 1))
    const [, first = '', rest = ''] = /^([^.[]*)(.*)$/s.exec(field.name) ?? []
    const key = field.name === '' ? String(numbering.next++) : first
    numbering.byHand ||= /^\d+$/.test(field.name)
    if (numbering.byHand && numbering.next > 0)
      throw new Fault('fields are numbered by hand or automatically, not both')
    let value = /^\d+$/.test(key) ? args[Number(key)] : named.get(key, run.budget)
    if (value === undefined) throw new Fault(`format() has no argument '${key}'`)
    for (const [isAttribute, name] of fieldPath(rest)) {
      value = isAttribute ? run.attribute(value, name) : run.item(value, placeOrName(name))
    }
    if (field.conversion === 'r') value = repr(value, run.budget)
    else if (field.conversion === 's') value = str(value, run.budget)
    else if (field.conversion !== '') throw new Fault(`Unknown conversion specifier ${field.conversion}`)
    const spec = braceFormat(field.spec, args, named, run, numbering, level - 1)
    result += formatValue(value, spec, run.budget)
    run.budget.text(result.length)
    at = end - 1
  }
  return result
}

/** What is before a colon or an exclamation mark that is not in brackets; its conversion; its format. */
function splitField(field: string): { name: string; conversion: string; spec: string } {
  let end = 0
  for (let isInBrackets = false; end < field.length; end++) {
    const character = field[end] as string
    if (isInBrackets || character === '[') isInBrackets = character !== ']'
    else if (':!'.includes(character)) break
  }
  const parsed = /^(?:!(.))?(?::(.*))?$/su.exec(field.slice(end))
  if (parsed === null) throw new Fault("expected ':' after conversion specifier")
  return { name: field.slice(0, end), conversion: parsed[1] ?? '', spec: parsed[2] ?? '' }
}

function fieldPath(rest: string): [isAttribute: boolean, name: string][] {
  const steps = [...rest.matchAll(/\.([^.[]+)|\[([^\]]+)\]/g)]
  if (steps.reduce((length, [step]) => length + step.length, 0) < rest.length)
    throw new Fault('Empty attribute in format string')
  return steps.map(([, attribute, key = '']) => [attribute !== undefined, attribute ?? key])
}
