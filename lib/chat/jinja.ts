import * as library from '@huggingface/jinja'

/** A node of the syntax tree. The library's own types do not resolve outside of a bundler. */
export interface Node {
  type: string
  // biome-ignore lint/suspicious/noExplicitAny: what a node has depends on its type
  [field: string]: any
}

/** A value while a template runs. */
export interface Value {
  type: string
  // biome-ignore lint/suspicious/noExplicitAny: what it holds depends on its type
  value: any
  readonly builtins: ReadonlyMap<string, Value>
  __bool__(): { value: boolean }
}

/** Names and their values. */
export interface Scope {
  variables: Map<string, Value>
  /** Converts a JavaScript value and declares it. */
  set(name: string, value: unknown): Value
  setVariable(name: string, value: Value): Value
}

interface LibraryInterpreter {
  run(program: Node): Value
  evaluate(node: Node | undefined, scope: Scope): Value
}

const { tokenize, parse } = library as unknown as {
  tokenize(source: string, options: { trim_blocks: boolean; lstrip_blocks: boolean }): unknown
  parse(tokens: unknown): Node
}

export const Interpreter = library.Interpreter as unknown as new (scope: Scope) => LibraryInterpreter
export const Environment = library.Environment as unknown as new () => Scope

/** The syntax tree of a template, in the environment that Hugging Face renders chat templates in. */
export function parseTemplate(source: string): Node {
  return parse(tokenize(source, { trim_blocks: true, lstrip_blocks: true }))
}

const probe = new Environment()
let probes = 0

/** A JavaScript value as the interpreter has it. */
export function toValue(value: unknown): Value {
  const name = `value${probes++}`
  const converted = probe.set(name, value)
  probe.variables.delete(name)
  return converted
}

const StringValue = toValue('').constructor as new (value: string) => Value
const ArrayValue = toValue([]).constructor as new (value: Value[]) => Value

export const undefinedValue = toValue(undefined)
export const text = (value: string): Value => new StringValue(value)
export const list = (values: Value[]): Value => new ArrayValue(values)
export const bool = (value: boolean): Value => toValue(value)

export const isText = ({ type }: Value): boolean => type === 'StringValue'
export const isList = ({ type }: Value): boolean => type === 'ArrayValue' || type === 'TupleValue'
export const isMap = ({ type }: Value): boolean => type === 'ObjectValue'
export const isUndefined = ({ type }: Value): boolean => type === 'UndefinedValue'
export const isNumber = ({ type }: Value): boolean => type === 'IntegerValue' || type === 'FloatValue'
