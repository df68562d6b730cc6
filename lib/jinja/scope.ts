import { Undefined, type Value } from '../python/values.js'

/** Names and their values, within those around them. */
export class Scope {
  readonly values = new Map<string, Value>()

  constructor(readonly parent: Scope | undefined) {}

  find(name: string): Value | undefined {
    let scope: Scope | undefined = this
    while (scope !== undefined) {
      const value = scope.values.get(name)
      if (value !== undefined) return value
      scope = scope.parent
    }
    return undefined
  }

  /** Makes a name undefined here, whatever it is outside. */
  hide(name: string): void {
    this.values.set(name, new Undefined(() => `'${name}' is undefined`))
  }
}
