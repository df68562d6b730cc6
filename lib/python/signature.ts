import type { Budget } from './budget.js'
import { toList } from './operators.js'
import {
  type Args,
  asNumber,
  asText,
  Dict,
  Fault,
  isTrue,
  refuseUndefined,
  typeName,
  type Value,
} from './values.js'

interface Parameter {
  name: string
  default: unknown
  /** Takes no name: it stands before a slash. */
  isPositional: boolean
  convert: Converter
}

/** What a function gets of a value that it is called with. */
type Converter = (value: Value, budget: Budget) => unknown

/** By Python's names of types: JavaScript's strings, numbers, booleans, arrays, and mappings. */
const converters: Readonly<Record<string, Converter>> = {
  str: textOf,
  int: intOf,
  bool: isTrue,
  list: toList,
  dict: (value) => (value instanceof Dict ? value : expected('a mapping', value)),
}

const literals: Record<string, Value> = { None: null, True: true, False: false }

function literal(text: string): Value {
  if (text in literals) return literals[text] as Value
  if (text.startsWith("'")) return text.slice(1, -1)
  return text.includes('.') ? Number(text) : BigInt(text)
}

/**
 * The signature of a Python function, written as its documentation has it: 'split(sep: str=None, maxsplit: int=-1)'. Binds arguments to its
 * names, as values of the types that it says, or any where it says none; None stays what it is where it is the default.
 */
export class Signature {
  readonly name: string
  readonly #parameters: Parameter[] = []
  #takesRest = false
  #takesNamed = false

  constructor(text: string) {
    const open = text.indexOf('(')
    this.name = text.slice(0, open)
    for (const part of text.slice(open + 1, -1).split(/, (?!')/)) {
      const [declared = '', value] = part.split('=')
      const [name = '', type] = declared.split(': ')
      if (name === '/') for (const parameter of this.#parameters) parameter.isPositional = true
      else if (name.startsWith('**')) this.#takesNamed = true
      else if (name.startsWith('*')) this.#takesRest = true
      else if (name !== '') this.#parameters.push(parameterOf(name, type, value))
    }
  }

  /** A value for every parameter, then a list of the others, then a dict of those with other names, where they are taken. */
  bind({ positional, named }: Args, budget: Budget): unknown[] {
    let usedNames = 0
    const values = this.#parameters.map((parameter, index) => {
      const isNamed = !parameter.isPositional && named.has(parameter.name)
      if (isNamed) usedNames++
      if (isNamed && index < positional.length)
        this.#refuse(`got multiple values for argument '${parameter.name}'`)
      const given = isNamed ? named.get(parameter.name) : positional[index]
      if (given === undefined && parameter.default === undefined)
        this.#refuse(`missing the argument '${parameter.name}'`)
      const isDefault = given === undefined || (given === null && parameter.default === null)
      return isDefault ? parameter.default : parameter.convert(given, budget)
    })
    const count = this.#parameters.length
    if (this.#takesRest) values.push(positional.slice(count))
    else if (positional.length > count)
      this.#refuse(`takes at most ${count} arguments (${positional.length} given)`)
    if (this.#takesNamed) values.push(this.#others(named))
    else if (named.size > usedNames) this.#refuse('got an unexpected keyword argument')
    return values
  }

  #others(named: ReadonlyMap<string, Value>): Dict {
    const others = new Dict()
    for (const [name, value] of named) {
      const isTaken = this.#parameters.some((parameter) => !parameter.isPositional && parameter.name === name)
      if (!isTaken) others.entries.set(name, [name, value])
    }
    return others
  }

  #refuse(problem: string): never {
    throw new Fault(`${this.name}() ${problem}`)
  }
}

function parameterOf(name: string, type: string | undefined, written: string | undefined): Parameter {
  const convert = type === undefined ? (value: Value) => value : (converters[type] as Converter)
  const value = written === undefined ? undefined : literal(written)
  return {
    name,
    default: typeof value === 'bigint' && type === 'int' ? Number(value) : value,
    isPositional: false,
    convert,
  }
}

/** What functions work with: who runs them decides what an attribute or an item is. */
export interface Context {
  readonly budget: Budget
  attribute(object: Value, name: string): Value
  item(object: Value, key: Value): Value
}

/** A function that a program can call. The arguments are what its signature binds. */
// biome-ignore lint/suspicious/noExplicitAny: each declares the values that its signature has
export type Native<C extends Context = Context> = (run: C, ...values: any[]) => Value

export interface Builtin<C extends Context = Context> {
  readonly signature: Signature
  readonly native: Native<C>
}

/** Functions by their signatures, to functions by their names. */
export function tableOf<C extends Context>(
  functions: Record<string, Native<C>>,
): ReadonlyMap<string, Builtin<C>> {
  const table = new Map<string, Builtin<C>>()
  for (const [text, native] of Object.entries(functions)) {
    const signature = new Signature(text)
    table.set(signature.name, { signature, native })
  }
  return table
}

/** The same for methods: their signatures leave out the value itself, which is the first argument. */
export function methodsOf(methods: Record<string, Native>): ReadonlyMap<string, Builtin> {
  const withSelf = Object.entries(methods).map(([text, native]) => {
    return [text.replace('(', '(self, ').replace(', )', ')'), native] as const
  })
  return tableOf(Object.fromEntries(withSelf))
}

/** Calls a function; the texts that it reads and what it makes are paid for. */
export function callBuiltin<C extends Context>({ signature, native }: Builtin<C>, args: Args, run: C): Value {
  run.budget.spend(1)
  run.budget.list(args.positional.length + 4 * args.named.size)
  const values = signature.bind(args, run.budget)
  for (const value of values) run.budget.text(asText(value as Value)?.length ?? 0)
  const result = native(run, ...values)
  if (typeof result === 'string') run.budget.text(result.length)
  else if (Array.isArray(result)) run.budget.list(result.length)
  return result
}

/** An argument that must be a text. */
export function textOf(value: Value): string {
  return asText(value) ?? expected('str', value)
}

/** An argument that must be an int, as a number: sizes and counts, where larger ones mean the same as the largest. */
export function intOf(value: Value): number {
  const number = typeof value === 'boolean' ? asNumber(value) : value
  if (typeof number !== 'bigint') return expected('int', value)
  return Math.min(Math.max(Number(number), Number.MIN_SAFE_INTEGER), Number.MAX_SAFE_INTEGER)
}

function expected(type: string, value: Value): never {
  refuseUndefined(value)
  throw new Fault(`expected ${type}, got ${typeName(value)}`)
}
