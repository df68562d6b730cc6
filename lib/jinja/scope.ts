import { Undefined, type Value } from '../python/values.js'

const missing = (name: string) => new Undefined(() => `'${name}' is undefined`)

/** Names and their values, within those around them. */
export class Scope {
  readonly values: Map<string, Value>

  constructor(
    readonly parent?: Scope,
    values: Iterable<readonly [string, Value]> = [],
  ) {
    this.values = new Map(values)
  }

  find(name: string): Value {
    for (let scope: Scope | undefined = this; scope !== undefined; scope = scope.parent) {
      const value = scope.values.get(name)
      if (value !== undefined) return value
    }
    return missing(name)
  }

  /** Makes a name undefined here, whatever it is outside. */
  hide(name: string): void {
    this.values.set(name, missing(name))
  }
}
