import type { Budget } from './budget.js'
import { exponential, fixed } from './decimal.js'
import { placeOrName, toFloat } from './numbers.js'
import { printFloat, printInt, repr, str } from './print.js'
import type { Context } from './signature.js'
import { countCharacters, firstCharacters } from './text.js'
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

/** Digits of a number without its sign. */
export function digitsOf(value: bigint | number, spec: Spec, budget: Budget): string {
  const lower = spec.type.toLowerCase()
  budget.spend(spec.precision ?? 0)
  let digits: string
  if (lower === '' ? typeof value === 'bigint' : 'bdox'.includes(lower)) {
    const base = { b: 2, o: 8, x: 16 }[lower] ?? 10
    const size = BigInt(value) < 0n ? -BigInt(value) : BigInt(value)
    digits = base === 10 ? printInt(size, budget) : size.toString(base)
    if (spec.isAlternate && base !== 10) digits = `0${lower}${digits}`
  } else digits = floatDigits(Math.abs(toFloat(value)), lower, spec)
  return spec.type === lower ? digits : digits.toUpperCase()
}

function floatDigits(value: number, type: string, { precision, isAlternate }: Spec): string {
  if (!Number.isFinite(value)) return printFloat(value) + (type === '%' ? '%' : '')
  if (type === '%') return `${fixed(value * 100, precision ?? 6)}%`
  const point = isAlternate ? '.' : ''
  if (type === 'f') return fixed(value, precision ?? 6) + (precision === 0 ? point : '')
  if (type === 'e') return scientific(value, precision ?? 6, isAlternate)
  if (type === '' && precision === undefined) return printFloat(value)
  // 'g', and the default, which keeps a digit after the point
  const significant = Math.max(1, precision ?? 6)
  const { power } = exponential(value, significant - 1)
  const isLong = power < -4 || power >= significant - (type === '' ? 1 : 0)
  const text = isLong
    ? scientific(value, significant - 1, isAlternate)
    : fixed(value, significant - 1 - power)
  if (isAlternate) return text.includes('.') ? text : `${text}.`
  const [mantissa = '', exponent] = text.split('e')
  let short = mantissa
  if (short.includes('.')) {
    while (short.endsWith('0')) short = short.slice(0, -1)
    if (short.endsWith('.')) short = short.slice(0, -1)
  }
  if (exponent !== undefined) return `${short}e${exponent}`
  return type === '' && !short.includes('.') ? `${short}.0` : short
}

function scientific(value: number, places: number, isAlternate: boolean): string {
  const { digits, power } = exponential(value, places)
  const rest = places > 0 || isAlternate ? `.${digits.slice(1)}` : ''
  return `${digits[0]}${rest}e${power < 0 ? '-' : '+'}${String(Math.abs(power)).padStart(2, '0')}`
}

export function signOf(value: bigint | number, sign: string): string {
  return value < 0 || Object.is(value, -0) ? '-' : sign === '-' ? '' : sign
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
  const isAlternate = hash !== undefined
  const hasZero = zero !== undefined
  let align = given
  const width = limited(size, 1_000_000)
  const precision = places === undefined ? undefined : limited(places, mostDigits)
  const number = asNumber(value)
  if (number === undefined || (typeof value === 'boolean' && type === 's')) {
    const isPlain =
      asText(value) !== undefined && sign === '' && !isAlternate && grouping === '' && align !== '='
    if (!isPlain || !['', 's'].includes(type))
      throw new Fault(`unsupported format '${text}' for ${typeName(value)}`)
    const whole = asText(value) ?? ''
    const cut = precision === undefined ? whole : firstCharacters(whole, precision)
    align ||= '<'
    return padded(cut, { fill: fill || (hasZero ? '0' : ' '), align, width } as Spec, '', budget)
  }
  const isInt = typeof number === 'bigint'
  const types = isInt ? 'bcdoxXneEfFgG%' : 'eEfFgGn%'
  if (
    !types.includes(type) ||
    (isInt && precision !== undefined && 'bcdoxXn'.includes(type)) ||
    type === 'c'
  ) {
    throw new Fault(`unsupported format '${text}' for ${typeName(value)}`)
  }
  const spec: Spec = {
    fill: fill || (hasZero ? '0' : ' '),
    align: align || (hasZero ? '=' : '>'),
    sign,
    isAlternate,
    width,
    grouping,
    precision,
    type: type === 'n' ? (isInt ? 'd' : 'g') : type,
  }
  if (typeof value === 'boolean' && type === '')
    return padded(digitsOf(number, { ...spec, type: 'd' }, budget), spec, '', budget)
  let digits = digitsOf(number, spec, budget)
  if (grouping !== '')
    digits = grouped(
      digits,
      grouping,
      'boxX'.includes(type || 'd') ? 4 : 3,
      spec,
      signOf(number, sign).length,
    )
  return padded(digits, spec, signOf(number, sign), budget)
}

/** Digits with a separator between groups; zeros that fill the width are grouped too. */
function grouped(
  digits: string,
  separator: string,
  size: number,
  { fill, align, width }: Spec,
  signs: number,
): string {
  let end = 0
  while (end < digits.length && isDigit(digits[end])) end++
  let whole = digits.slice(0, end)
  const rest = digits.slice(end)
  if (align === '=' && fill === '0') {
    let count = whole.length
    while (count + Math.floor((count - 1) / size) + rest.length + signs < Math.min(width, mostDigits)) count++
    whole = whole.padStart(count, '0')
  }
  const groups: string[] = []
  for (let at = whole.length; at > 0; at -= size) groups.push(whole.slice(Math.max(0, at - size), at))
  return groups.reverse().join(separator) + rest
}

export function isDigit(character: string | undefined): boolean {
  return character !== undefined && character >= '0' && character <= '9'
}

/** `template.format(*args, **kwargs)`. */
export function braceFormat(template: string, args: Value[], named: Dict, run: Context, level = 2): string {
  if (level < 0) throw new Fault('Max string recursion exceeded')
  let result = ''
  let automatic = 0
  let isManual = false
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
    const key = first === '' ? String(automatic++) : first
    isManual ||= first !== '' && [...first].every(isDigit)
    if (isManual && automatic > 0) throw new Fault('fields are numbered by hand or automatically, not both')
    let value = [...key].every(isDigit) ? args[Number(key)] : named.get(key, run.budget)
    if (value === undefined) throw new Fault(`format() has no argument '${key}'`)
    for (const [isAttribute, name] of fieldPath(rest)) {
      value = isAttribute ? run.attribute(value, name) : run.item(value, placeOrName(name))
    }
    if (field.conversion === 'r') value = repr(value, run.budget)
    else if (field.conversion === 's') value = str(value, run.budget)
    else if (field.conversion !== '') throw new Fault(`Unknown conversion specifier ${field.conversion}`)
    const spec = braceFormat(field.spec, args.slice(automatic), named, run, level - 1)
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
