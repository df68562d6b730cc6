import { binary, numberOf } from '../python/arithmetic.js'
import { abs, float, int, len, round } from '../python/builtins.js'
import { fixed } from '../python/decimal.js'
import { pprint } from '../python/pprint.js'
import { printFloat, toJson } from '../python/print.js'
import { tableOf, textOf } from '../python/signature.js'
import { Fault, isTrue, refuseUndefined, typeName, Undefined, type Value } from '../python/values.js'
import { pythonAttribute } from './access.js'
import { listFilters } from './filters-of-lists.js'
import { indention, textFilters } from './filters-of-texts.js'
import type { Functions, Run } from './run.js'

const fallback = (_run: Run, value: Value, other: Value, boolean: boolean) =>
  value instanceof Undefined || (boolean && !isTrue(value)) ? other : value

function attr(run: Run, obj: Value, name: string): Value {
  refuseUndefined(obj)
  const found = pythonAttribute(obj, name, run)
  return found === undefined
    ? new Undefined(() => `'${typeName(obj)} object' has no attribute '${name}'`)
    : found
}

function roundNumber(run: Run, value: Value, places: number, method: string): Value {
  if (method === 'common') return round(value, places, run.budget)
  if (method !== 'ceil' && method !== 'floor') throw new Fault('method must be common, ceil or floor')
  const factor = binary('**', 10n, BigInt(places), run.budget)
  const scaled = binary('*', numberOf(value, 'round()'), factor, run.budget)
  const whole = typeof scaled === 'number' ? int(Math[method](scaled), 10, run.budget) : scaled
  if (whole === undefined) throw new Fault('cannot convert float NaN to integer')
  return binary('/', whole, factor, run.budget)
}

function toInt(run: Run, value: Value, other: Value, base: number): Value {
  const whole = int(value, base, run.budget)
  if (whole !== undefined) return whole
  const number = float(value)
  return number === undefined || !Number.isFinite(number) ? other : BigInt(Math.trunc(number))
}

function fileSize(run: Run, value: Value, isBinary: boolean): Value {
  const bytes = float(value)
  if (bytes === undefined) throw new Fault(`could not convert ${typeName(value)} to float`)
  const base = isBinary ? 1024 : 1000
  if (bytes === 1) return '1 Byte'
  if (bytes < base) return `${int(bytes, 10, run.budget)} Bytes`
  const letters = isBinary ? 'KMGTPEZY' : 'kMGTPEZY'
  let unit = base * base
  let place = 0
  for (; place < 7 && !(bytes < unit); place++) unit *= base
  const size = (base * bytes) / unit
  return `${Number.isFinite(size) ? fixed(size, 1) : printFloat(size)} ${letters[place]}${isBinary ? 'iB' : 'B'}`
}

function toJsonFilter(
  run: Run,
  value: Value,
  ensureAscii: boolean,
  width: Value,
  given: Value[] | null,
  sortKeys: boolean,
): Value {
  const indent = width === null ? undefined : indention(run, width)
  const separators = given?.map(textOf) ?? [indent === undefined ? ', ' : ',', ': ']
  if (separators.length !== 2) throw new Fault('tojson: expected two separators')
  const [between, afterKey] = separators as [string, string]
  return toJson(value, { indent, ensureAscii, separators: [between, afterKey], sortKeys }, run.budget)
}

const functions: Functions = {
  'abs(x, /)': abs,
  'attr(obj, name: str)': attr,
  'count(obj, /)': len,
  "d(value, default_value='', boolean: bool=False)": fallback,
  "default(value, default_value='', boolean: bool=False)": fallback,
  'filesizeformat(value, binary: bool=False)': fileSize,
  'float(value, default=0.0)': (_run, value: Value, other: Value) => float(value) ?? other,
  'int(value, default=0, base: int=10)': toInt,
  'length(obj, /)': len,
  'pprint(value)': (run, value: Value) => pprint(value, run.budget),
  'random(seq)': () => {
    throw new Fault('random is random, which no prompt can want')
  },
  "round(value, precision: int=0, method: str='common')": roundNumber,
  'tojson(x, ensure_ascii: bool=False, indent=None, separators: list=None, sort_keys: bool=False)':
    toJsonFilter,
}

/** Jinja's filters, by the signatures that its documentation gives them. */
export const filters = tableOf({ ...functions, ...textFilters, ...listFilters })
