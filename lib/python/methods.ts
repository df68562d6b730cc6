import { callOnMarkup } from './markup.js'
import { equal, toList } from './operators.js'
import { str } from './print.js'
import { type Builtin, type Context, callBuiltin, methodsOf, type Native } from './signature.js'
import { textMethods } from './text-methods.js'
import { asText, Dict, Fault, Func, Markup, typeName, type Value, View } from './values.js'

/** Methods of lists and tuples. */
const sequence: Record<string, Native> = {
  'count(value, /)': (run, self: Value, value: Value) =>
    BigInt(toList(self, run.budget).filter((one) => equal(one, value, run.budget)).length),
  'index(value, start: int=0, stop: int=9007199254740991, /)': (
    run,
    self: Value,
    value: Value,
    start: number,
    stop: number,
  ) => {
    const items = toList(self, run.budget)
    const place = (index: number) => (index < 0 ? Math.max(0, index + items.length) : index)
    const at = items.findIndex(
      (one, i) => i >= place(start) && i < place(stop) && equal(one, value, run.budget),
    )
    if (at < 0) throw new Fault(`the value is not in the ${typeName(self)}`)
    return BigInt(at)
  },
}

/** A value that was found, None too, or another. */
const orElse = (value: Value | undefined, fallback: Value) => (value === undefined ? fallback : value)

const dict: Record<string, Native> = {
  'copy()': (_run, self: Dict) => self,
  'fromkeys(iterable: list, value=None, /)': (run, _self: Dict, keys: Value[], value: Value) =>
    Dict.of(
      keys.map((key) => [key, value] as const),
      run.budget,
    ),
  'get(key, default=None, /)': (run, self: Dict, key: Value, fallback: Value) =>
    orElse(self.get(key, run.budget), fallback),
  'items()': (_run, self: Dict) => new View('dict_items', self),
  'keys()': (_run, self: Dict) => new View('dict_keys', self),
  'values()': (_run, self: Dict) => new View('dict_values', self),
}

function bitsOf(run: Context, value: bigint): string {
  const bits = (value < 0n ? -value : value).toString(2)
  run.budget.characters(bits.length)
  return bits
}

const int: Record<string, Native> = {
  'bit_count()': (run, self: bigint) => {
    let count = 0n
    for (const bit of bitsOf(run, self)) if (bit === '1') count++
    return count
  },
  'bit_length()': (run, self: bigint) => BigInt(self === 0n ? 0 : bitsOf(run, self).length),
  'conjugate()': (_run, self: bigint) => self,
}

const float: Record<string, Native> = {
  'conjugate()': (_run, self: number) => self,
  'is_integer()': (_run, self: number) => Number.isInteger(self),
}

/** Python's methods by the name of the type, then by theirs. A method's first argument is the value itself. */
export const methods: Readonly<Record<string, ReadonlyMap<string, Builtin>>> = {
  str: methodsOf(textMethods),
  Markup: methodsOf(textMethods),
  list: methodsOf({ ...sequence, 'copy()': (_run, self: Value[]) => self }),
  tuple: methodsOf(sequence),
  range: methodsOf(sequence),
  dict: methodsOf(dict),
  int: methodsOf(int),
  bool: methodsOf(int),
  float: methodsOf(float),
}

/** A method of a value, to be called. */
export function methodOf(object: Value, name: string, run: Context): Func | undefined {
  const method = methods[typeName(object)]?.get(name)
  if (method === undefined) return undefined
  return new Func(name, ({ positional, named }) => {
    const self = asText(object) ?? (typeof object === 'boolean' ? BigInt(object) : object)
    const call = (args: readonly Value[]) => callBuiltin(method, { positional: [self, ...args], named }, run)
    return object instanceof Markup ? callOnMarkup(name, positional, call, run.budget) : call(positional)
  })
}

/** A function that does with the text of any value what a method of texts does. HTML stays HTML. */
export const asMethod =
  (name: string): Native =>
  (run, value: Value, ...rest: Value[]) => {
    const self = asText(value) ?? str(value, run.budget)
    const positional = [self, ...rest]
    const result = callBuiltin(methods.str?.get(name) as Builtin, { positional, named: new Map() }, run)
    return value instanceof Markup && typeof result === 'string' ? new Markup(result) : result
  }

/** Methods that would change a value, which no template may. */
export const mutators: Readonly<Record<string, readonly string[]>> = {
  list: ['append', 'clear', 'pop', 'reverse', 'insert', 'sort', 'extend', 'remove'],
  dict: ['clear', 'pop', 'popitem', 'setdefault', 'update'],
}
