import { itemOf as pythonItem } from '../python/items.js'
import { methods, mutators } from '../python/methods.js'
import { markup, toList } from '../python/operators.js'
import { repr } from '../python/print.js'
import { type Builtin, callBuiltin } from '../python/signature.js'
import {
  type Args,
  asText,
  Func,
  Markup,
  refuseUndefined,
  Thing,
  Tuple,
  typeName,
  Undefined,
  type Value,
} from '../python/values.js'
import type { Run } from './run.js'

// The environment's rules for `object.name` and `object[key]`: attributes are methods and a few fields, never what JavaScript has.

const ofAllObjects =
  /^__(class|doc|dir|eq|ge|gt|le|lt|ne|hash|init|new|repr|str|format|reduce|reduce_ex|sizeof|getattribute|setattr|delattr|subclasshook|init_subclass)__$/

/** `object.name`: an attribute, or else an item. */
export function attributeOf(object: Value, name: string, run: Run): Value {
  refuseUndefined(object)
  const attribute = pythonAttribute(object, name, run)
  return found(attribute === undefined ? pythonItem(object, name, run) : attribute, object, name, run)
}

/** `object[key]`: an item, or else an attribute. */
export function itemOf(object: Value, key: Value, run: Run): Value {
  refuseUndefined(object)
  let item = pythonItem(object, key, run)
  if (item === undefined && asText(key) !== undefined)
    item = pythonAttribute(object, asText(key) as string, run)
  return found(item, object, key, run)
}

function found(value: Value | undefined, object: Value, key: Value, run: Run): Value {
  if (value !== undefined) return value
  const type = object === null ? 'None' : `${typeName(object)} object`
  return new Undefined(() =>
    typeof key === 'string'
      ? `'${type}' has no attribute '${key}'`
      : `${type} has no element ${repr(key, run.budget)}`,
  )
}

/** `getattr(object, name)` in the sandbox; undefined where there is none. */
export function pythonAttribute(object: Value, name: string, run: Run): Value | undefined {
  const type = typeName(object)
  const field = object instanceof Thing ? object.attribute(name) : undefined
  const method = methods[type]?.get(name)
  const isPrivate = name.startsWith('_') && (field !== undefined || ofAllObjects.test(name))
  if (isPrivate || mutators[type]?.includes(name)) {
    return new Undefined(() => `access to attribute '${name}' of '${type}' object is unsafe.`)
  }
  if (field !== undefined) return field
  if (method === undefined) return undefined
  return new Func(name, ({ positional, named }) => {
    if (object instanceof Markup) return callOnMarkup(method, object.text, positional, named, run)
    if (typeof object === 'string') run.budget.text(object.length)
    const self = typeof object === 'boolean' ? BigInt(object) : object
    return callBuiltin(method, { positional: [self, ...positional], named }, run)
  })
}

/** HTML stays HTML: texts that are put into it are escaped. */
function callOnMarkup(
  method: Builtin,
  self: string,
  positional: readonly Value[],
  named: Args['named'],
  run: Run,
): Value {
  const escaped = (value: Value): Value => (typeof value === 'string' ? markup(value, run.budget) : value)
  const wrapped = (value: Value): Value => {
    if (Array.isArray(value)) return value.map(wrapped)
    if (value instanceof Tuple) return new Tuple(value.items.map(wrapped))
    return typeof value === 'string' ? new Markup(value) : value
  }
  const { name } = method.signature
  let args = positional
  if (name === 'join') args = positional.map((items) => toList(items, run.budget).map(escaped))
  else if (name === 'format' || name === 'replace') {
    args = positional.map((value, i) => (name === 'replace' && i === 0 ? value : escaped(value)))
  }
  run.budget.text(self.length)
  return wrapped(callBuiltin(method, { positional: [self, ...args], named }, run))
}
