import { binary } from '../python/arithmetic.js'
import { asMethod } from '../python/methods.js'
import { equal, holds } from '../python/operators.js'
import { type Builtin, tableOf } from '../python/signature.js'
import {
  asNumber,
  asText,
  Dict,
  Func,
  hashOf,
  Markup,
  Range,
  Thing,
  Tuple,
  Undefined,
  type Value,
} from '../python/values.js'
import { filters } from './filters.js'
import type { Functions, Run } from './run.js'

const compares = (operator: string) => (run: Run, a: Value, b: Value) => holds(operator, a, b, run.budget)
const remainder = (run: Run, value: Value, by: Value) => binary('%', value, by, run.budget)
const isSized = (value: Value) =>
  asText(value) !== undefined ||
  Array.isArray(value) ||
  [Dict, Tuple, Range, Undefined].some((type) => value instanceof type)

const functions: Functions = {
  'boolean(value)': (_run, value: Value) => typeof value === 'boolean',
  'callable(obj, /)': (_run, value: Value) => value instanceof Func || value instanceof Undefined,
  'defined(value)': (_run, value: Value) => !(value instanceof Undefined),
  'divisibleby(value, num)': (run, value: Value, by: Value) =>
    equal(remainder(run, value, by), 0n, run.budget),
  'escaped(value)': (_run, value: Value) => value instanceof Markup,
  'even(value)': (run, value: Value) => equal(remainder(run, value, 2n), 0n, run.budget),
  'false(value)': (_run, value: Value) => value === false,
  'filter(value)': (run, value: Value) => filters.has(hashOf(value, run.budget) as string),
  'float(value)': (_run, value: Value) => typeof value === 'number',
  'in(value, seq)': compares('in'),
  'integer(value)': (_run, value: Value) => typeof value === 'bigint',
  'iterable(value)': (_run, value: Value) =>
    asText(value) !== undefined ||
    Array.isArray(value) ||
    (value instanceof Thing && value.iterate() !== undefined),
  'lower(value)': asMethod('islower'),
  'mapping(value)': (_run, value: Value) => value instanceof Dict,
  'none(value)': (_run, value: Value) => value === null,
  'number(value)': (_run, value: Value) => asNumber(value) !== undefined,
  'odd(value)': (run, value: Value) => equal(remainder(run, value, 2n), 1n, run.budget),
  'sameas(value, other)': (_run, value: Value, other: Value) =>
    value === other || (isEmptyTuple(value) && isEmptyTuple(other)),
  'sequence(value)': (_run, value: Value) => isSized(value),
  'string(value)': (_run, value: Value) => asText(value) !== undefined,
  'test(value)': (run, value: Value) => tests.has(hashOf(value, run.budget) as string),
  'true(value)': (_run, value: Value) => value === true,
  'undefined(value)': (_run, value: Value) => value instanceof Undefined,
  'upper(value)': asMethod('isupper'),
}
const operators = {
  ...{ '==': '==', eq: '==', equalto: '==', '!=': '!=', ne: '!=' },
  ...{ '<': '<', lt: '<', lessthan: '<', '<=': '<=', le: '<=' },
  ...{ '>': '>', gt: '>', greaterthan: '>', '>=': '>=', ge: '>=' },
}
const comparisons = Object.entries(operators).map(
  ([name, operator]) => [`${name}(a, b, /)`, compares(operator)] as const,
)

/** Jinja's tests, by the signatures that its documentation gives them. */
export const tests: ReadonlyMap<string, Builtin<Run>> = tableOf({
  ...functions,
  ...Object.fromEntries(comparisons),
})

function isEmptyTuple(value: Value): boolean {
  return value instanceof Tuple && value.items.length === 0
}
