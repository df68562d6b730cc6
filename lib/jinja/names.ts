/** The names within one body: which are read or set first, in the order that Jinja's compiler looks at them. */
class Frame {
  readonly known = new Set<string>()
  readonly setFirst = new Set<string>()
  readonly hidden: string[] = []
  /** How many `if` are open: what they set may keep its outer value. */
  branches = 0

  constructor(readonly parent: Frame | undefined) {}

  isKnownOutside(name: string): boolean {
    for (let frame = this.parent; frame !== undefined; frame = frame.parent) {
      if (frame.known.has(name)) return true
    }
    return false
  }
}

/** What only the body of a macro can tell: which of these it reads without setting them first. */
class MacroNames {
  readonly open = new Set(['caller', 'kwargs', 'varargs'])
  readonly used = new Set<string>()
}

/**
 * Follows the names of a template while it is parsed. Jinja compiles a body to a Python function: a name that is set somewhere in it, before
 * anything at the same level reads it, is undefined until then, even to loops and macros within that read it earlier.
 */
export class Names {
  readonly #frames: Frame[] = []
  readonly #macros: MacroNames[] = []
  #frame = new Frame(undefined)

  /** Names after which unknown filters and tests are errors only when they run. */
  get isBranch(): boolean {
    return this.#frame.branches > 0
  }

  /** Follows the names of a body; of a block of its own context where it is `isolated`. */
  body<T>(parameters: readonly string[], parse: () => T, isolated = false): { result: T; hidden: string[] } {
    const outer = this.#frame
    this.#frame = new Frame(isolated ? undefined : outer)
    this.#frames.push(this.#frame)
    for (const name of parameters) this.declare(name)
    const result = parse()
    const { hidden } = this.#frame
    this.#frame = outer
    return { result, hidden }
  }

  /** Something within a body that belongs to what is around it. */
  outside<T>(parse: () => T): T {
    const inner = this.#frame
    this.#frame = inner.parent as Frame
    const result = parse()
    this.#frame = inner
    return result
  }

  branch<T>(parse: () => T): T {
    const frame = this.#frame
    frame.branches++
    const result = parse()
    frame.branches--
    return result
  }

  macro<T>(parse: () => T): { result: T; used: ReadonlySet<string> } {
    const names = new MacroNames()
    this.#macros.push(names)
    const result = parse()
    this.#macros.pop()
    return { result, used: names.used }
  }

  read(name: string): void {
    this.#frame.known.add(name)
    for (const { open, used } of this.#macros) if (open.has(name)) used.add(name)
  }

  set(name: string): void {
    if (!this.#frame.known.has(name) && !this.isBranch) this.#frame.setFirst.add(name)
    this.declare(name)
  }

  declare(name: string): void {
    this.#frame.known.add(name)
    for (const { open } of this.#macros) open.delete(name)
  }

  /** Everything is parsed: says in each body which names are hidden. */
  finish(): void {
    for (const frame of this.#frames) {
      for (const name of frame.setFirst) if (!frame.isKnownOutside(name)) frame.hidden.push(name)
    }
  }
}
