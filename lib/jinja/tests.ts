import { binary } from '../python/arithmetic.js'
import { asMethod } from '../python/methods.js'
import { equal, holds, isIterable } from '../python/operators.js'
import { type Builtin, tableOf } from '../python/signature.js'
import { Func, hashOf, Tuple, typeName, Undefined, type Value } from '../python/values.js'
import { filters } from './filters.js'
import type { Functions, Run } from './run.js'

const compares = (operator: string) => (run: Run, a: Value, b: Value) => holds(operator, a, b, run.budget)

/** Whether a value is of one of these types. */
const isA =
  (...types: string[]) =>
  (_run: Run, value: Value) =>
    types.includes(typeName(value))

const isEmptyTuple = (value: Value) => value instanceof Tuple && value.items.length === 0

function leaves(run: Run, value: Value, by: Value, rest: bigint): boolean {
  return equal(binary('%', value, by, run.budget), rest, run.budget)
}

const functions: Functions = {
  'boolean(value)': isA('bool'),
  'callable(obj, /)': (_run, value: Value) => value instanceof Func || value instanceof Undefined,
  'defined(value)': (_run, value: Value) => !(value instanceof Undefined),
  'divisibleby(value, num)': (run, value: Value, by: Value) => leaves(run, value, by, 0n),
  'escaped(value)': isA('Markup'),
  'even(value)': (run, value: Value) => leaves(run, value, 2n, 0n),
  'false(value)': (_run, value: Value) => value === false,
  'filter(value)': (run, value: Value) => filters.has(hashOf(value, run.budget) as string),
  'float(value)': isA('float'),
  'in(value, seq)': compares('in'),
  'integer(value)': isA('int'),
  'iterable(value)': (_run, value: Value) => isIterable(value),
  'lower(value)': asMethod('islower'),
  'mapping(value)': isA('dict'),
  'none(value)': isA('NoneType'),
  'number(value)': isA('int', 'float', 'bool'),
  'odd(value)': (run, value: Value) => leaves(run, value, 2n, 1n),
  'sameas(value, other)': (_run, value: Value, other: Value) =>
    value === other || (isEmptyTuple(value) && isEmptyTuple(other)),
  'sequence(value)': isA('str', 'Markup', 'list', 'dict', 'tuple', 'range', 'Undefined'),
  'string(value)': isA('str', 'Markup'),
  'test(value)': (run, value: Value) => tests.has(hashOf(value, run.budget) as string),
  'true(value)': (_run, value: Value) => value === true,
  'undefined(value)': isA('Undefined'),
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
