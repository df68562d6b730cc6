import { equal, iterate, toList } from './operators.js'
import { type Builtin, type Context, intOf, methodsOf, type Native } from './signature.js'
import { textMethods } from './text-methods.js'
import { Dict, Fault, typeName, type Value, View } from './values.js'

/** Methods of lists and tuples. */
const sequence: Record<string, Native> = {
  'count(value, /)': (run, self: Value, value: Value) => {
    let count = 0n
    for (const one of iterate(self, run.budget)) if (equal(one, value, run.budget)) count++
    return count
  },
  'index(value, start=0, stop=9223372036854775807, /)': (
    run,
    self: Value,
    value: Value,
    start: Value,
    stop: Value,
  ) => {
    const items = toList(self, run.budget)
    const place = (index: Value) =>
      intOf(index) < 0 ? Math.max(0, intOf(index) + items.length) : intOf(index)
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
  'fromkeys(iterable, value=None, /)': (run, _self: Dict, keys: Value, value: Value) =>
    Dict.of(
      toList(keys, run.budget).map((key) => [key, value] as const),
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

/** Methods that would change a value, which no template may. */
export const mutators: Readonly<Record<string, readonly string[]>> = {
  list: ['append', 'clear', 'pop', 'reverse', 'insert', 'sort', 'extend', 'remove'],
  dict: ['clear', 'pop', 'popitem', 'setdefault', 'update'],
}
