/**
 * The names within one body of a template, in the order that it reads and sets them. Jinja compiles a body to a Python function: a name that
 * is set somewhere in it, before anything at the same level reads it, is undefined until then, even to loops and macros within that read it
 * earlier.
 */
export class Names {
  readonly #known = new Set<string>()
  readonly #setFirst = new Set<string>()
  #hidden: string[] | undefined

  constructor(readonly parent?: Names) {}

  read(name: string): void {
    this.#known.add(name)
  }

  set(name: string): void {
    if (!this.#known.has(name)) this.#setFirst.add(name)
    this.#known.add(name)
  }

  /** Names that are undefined until they are set here, whatever they are in the context. Known once the whole template is parsed. */
  get hidden(): readonly string[] {
    this.#hidden ??= [...this.#setFirst].filter((name) => !this.#isKnownOutside(name))
    return this.#hidden
  }

  #isKnownOutside(name: string): boolean {
    for (let { parent } = this; parent !== undefined; parent = parent.parent) {
      if (parent.#known.has(name)) return true
    }
    return false
  }
}

/** What only the body of a macro can tell: which of these it reads without setting them first. */
export class MacroNames {
  readonly #open = new Set(['caller', 'kwargs', 'varargs'])
  readonly used = new Set<string>()

  read(name: string): void {
    if (this.#open.has(name)) this.used.add(name)
  }

  set(name: string): void {
    this.#open.delete(name)
  }
}
