import { type Dict, Thing, type Value } from '../python/values.js'

/** What `{% set ns.x = … %}` may change. */
export class Namespace extends Thing {
  readonly type = 'Namespace'

  constructor(readonly values: Dict) {
    super()
  }

  override attribute(name: string): Value | undefined {
    return this.values.entries.get(name)?.[1]
  }

  override repr(inner: (value: Value) => string): string {
    return `<Namespace ${inner(this.values)}>`
  }
}

/** The template itself, as `self`: its blocks by their names. */
export class Blocks extends Thing {
  readonly type = 'TemplateReference'

  constructor(readonly block: (name: string) => Value | undefined) {
    super()
  }

  override item(name: string): Value | undefined {
    return this.block(name)
  }
}
