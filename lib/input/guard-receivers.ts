import { types } from 'node:util'
import { QuernError } from '../errors.js'
import { show } from './show.js'

type Method = (this: unknown, ...args: unknown[]) => unknown

/**
 * Makes all methods and accessors of a class refuse a `this` that is no instance, with `invalid_input`. To be called in a static block, since
 * what tells an instance is a private member.
 */
export function guardReceivers(
  type: { prototype: object; name: string },
  isInstance: (value: object) => boolean,
): void {
  const { prototype, name } = type
  for (const key of Reflect.ownKeys(prototype)) {
    if (key === 'constructor') continue
    const property = Object.getOwnPropertyDescriptor(prototype, key) as PropertyDescriptor
    for (const part of ['value', 'get', 'set'] as const) {
      const method: unknown = property[part]
      if (typeof method === 'function')
        property[part] = guarded(method as Method, `${name}.${String(key)}`, name, isInstance)
    }
    Object.defineProperty(prototype, key, property)
  }
}

function guarded(
  method: Method,
  where: string,
  name: string,
  isInstance: (value: object) => boolean,
): Method {
  const guard = function (this: unknown, ...args: unknown[]): unknown {
    if (typeof this === 'object' && this !== null && isInstance(this)) return method.apply(this, args)
    const error = new QuernError(
      'invalid_input',
      `${where}: expected to be called on a ${name}, got ${show(this)}`,
      {
        value: this,
      },
    )
    if (types.isAsyncFunction(method)) return Promise.reject(error)
    throw error
  }
  Object.defineProperty(guard, 'name', { value: method.name, configurable: true })
  Object.defineProperty(guard, 'length', { value: method.length, configurable: true })
  return guard
}

/** For a constructor that is not the caller's to call: throws `invalid_input` unless what it is given is ours. */
export function expectOurs(isOurs: boolean, name: string, maker: string): void {
  if (!isOurs)
    throw new QuernError('invalid_input', `${name}: expected no call of new, it comes from ${maker}`)
}
