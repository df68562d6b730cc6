import { itemOf as pythonItem } from '../python/items.js'
import { methodOf, mutators } from '../python/methods.js'
import { repr } from '../python/print.js'
import { asText, refuseUndefined, Thing, typeName, Undefined, type Value } from '../python/values.js'
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
  const item = pythonItem(object, key, run)
  const name = item === undefined ? asText(key) : undefined
  return found(name === undefined ? item : pythonAttribute(object, name, run), object, key, run)
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
  const isPrivate = name.startsWith('_') && (field !== undefined || ofAllObjects.test(name))
  if (isPrivate || mutators[type]?.includes(name))
    return new Undefined(() => `access to attribute '${name}' of '${type}' object is unsafe.`)
  return field === undefined ? methodOf(object, name, run) : field
}
