// Templates by a grammar, from a seed: mostly right ones, for two errors are equal whatever they say.
import { Random } from '../random.js'
import { type Kind, kinds, letters, names, steps, unknown } from './grammar.js'

export class TemplateGenerator {
  readonly #random: Random
  #names: string[] = []
  #macros: string[] = []

  constructor(seed: number) {
    this.#random = new Random(seed)
  }

  template(): string {
    this.#names = []
    this.#macros = []
    return this.#random.chance(0.5) ? this.#print() : this.#statements(this.#random.integer(1, 2))
  }

  #pick<T>(items: readonly T[]): T {
    return items[this.#random.integer(0, items.length - 1)] as T
  }

  #expression(kind: Kind, depth: number): string {
    if (this.#names.length > 0 && this.#random.chance(0.1)) return this.#pick(this.#names)
    if (kind === 'any' && this.#random.chance(0.15)) return this.#pick(unknown)
    const wanted = kind === 'any' ? this.#pick(kinds) : kind
    if (depth <= 0 || this.#random.chance(0.25)) return this.#pick(names[wanted])
    switch (this.#random.integer(0, 11)) {
      case 0:
        return `(${this.#expression(wanted, depth - 1)} if ${this.#expression('bool', depth - 1)} else ${this.#expression(wanted, depth - 1)})`
      case 1:
        return `(${this.#expression('any', depth - 1)} ${this.#pick(['or', 'and'])} ${this.#expression(wanted, depth - 1)})`
      case 2:
        if (wanted === 'list')
          return `[${this.#expression('any', depth - 1)}, ${this.#expression('any', depth - 1)}]`
        if (wanted === 'text')
          return `(${this.#expression('any', depth - 1)} ~ ${this.#expression('any', depth - 1)})`
        if (wanted === 'bool') return `(not ${this.#expression('any', depth - 1)})`
        if (wanted === 'dict')
          return `{${this.#expression('text', 0)}: ${this.#expression('any', depth - 1)}}`
        return `(-${this.#expression(wanted, 0)})`
      default:
        return this.#step(wanted, depth)
    }
  }

  /** A value of any kind and a filter, method or operator that makes the wanted kind of it. */
  #step(wanted: Kind, depth: number): string {
    for (;;) {
      const from = this.#pick(kinds)
      const [step, to] = this.#pick(steps[from])
      if (to !== wanted && !(to === 'any' && this.#random.chance(0.1))) continue
      // Jinja computes constants when it compiles, and then a slice of what has no items is undefined instead of an error.
      const operand = step.includes(':')
        ? this.#pick(names[from])
        : this.#expression(this.#random.chance(0.05) ? 'any' : from, depth - 1)
      const filled = step.replace(/\$([a-z])/g, (_written, letter: string) => {
        if (letter === 'k') return String(this.#random.integer(0, 6))
        if (letter === 'p') return String(this.#random.integer(1, 4))
        return this.#expression(letters[letter] as Kind, depth - 2)
      })
      const isOperator = /^[-+*/%~<>=a-z]/.test(filled.trim())
      return isOperator
        ? `(${operand} ${filled})`
        : `(${operand})${filled.startsWith('|') ? ' ' : ''}${filled}`
    }
  }

  #any(): string {
    return this.#expression('any', 2)
  }

  #statements(depth: number): string {
    return Array.from({ length: this.#random.integer(1, 2) }, () => this.#statement(depth)).join('')
  }

  #tag(inner: string): string {
    const start = this.#pick(['{%', '{%', '{%', '{%-', '{%+'])
    const end = this.#pick(['%}', '%}', '%}', '-%}', '+%}'])
    return `${this.#pick(['', '', ' ', '\n', '  \n '])}${start} ${inner} ${end}${this.#pick(['', '', '\n', ' \n', ' '])}`
  }

  #inner<T>(make: () => T): T {
    const outer = [...this.#names]
    const made = make()
    this.#names = outer
    return made
  }

  #statement(depth: number): string {
    if (depth <= 0) return this.#print()
    switch (this.#random.integer(0, 13)) {
      case 0:
        return this.#pick([
          'text',
          ' \n',
          '\r\n',
          'a\n\n b',
          '{# c #}',
          '{#- c -#}\n',
          '{% raw %}{{ x }}{% endraw %}',
        ])
      case 1:
        return this.#set()
      case 2:
      case 3:
        return `${this.#tag(`if ${this.#expression('any', 2)}`)}${this.#statements(depth - 1)}${this.#tag('else')}${this.#statements(depth - 1)}${this.#tag('endif')}`
      case 4:
      case 5:
      case 6:
        return this.#for(depth)
      case 7:
        return this.#macro(depth)
      case 8:
        return this.#inner(
          () =>
            `${this.#tag(`filter ${this.#pick(['upper', 'trim', 'indent(2)', 'replace("a", "b")', 'title'])}`)}${this.#statements(depth - 1)}${this.#tag('endfilter')}`,
        )
      case 9:
        return this.#inner(() => {
          const head = this.#tag(`with a = ${this.#any()}, b = ${this.#any()}`)
          this.#names.push('a', 'b')
          return `${head}${this.#statements(depth - 1)}${this.#tag('endwith')}`
        })
      case 10:
        if (this.#macros.length > 0) {
          return this.#inner(
            () =>
              `${this.#tag(`call(q) ${this.#pick(this.#macros)}(${this.#any()})`)}${this.#statements(depth - 1)}${this.#tag('endcall')}`,
          )
        }
        return this.#print()
      default:
        return this.#print()
    }
  }

  #print(): string {
    const start = this.#pick(['{{', '{{', '{{', '{{-'])
    if (this.#macros.length > 0 && this.#random.chance(0.2)) {
      return `${start} ${this.#pick(this.#macros)}(${this.#any()}, b=${this.#any()}) }}`
    }
    return `${start} ${this.#any()} ${this.#pick(['}}', '}}', '}}', '-}}'])}${this.#pick(['', '|', '\n'])}`
  }

  #set(): string {
    const name = this.#pick(['a', 'b', 'c', 'n', 's'])
    const set = this.#random.chance(0.2)
      ? `${this.#tag(`set ${name}`)}${this.#print()}${this.#tag('endset')}`
      : this.#tag(`set ${name} = ${this.#any()}`)
    this.#names.push(name)
    return set
  }

  #for(depth: number): string {
    return this.#inner(() => {
      const filter = this.#random.chance(0.2) ? ` if ${this.#expression('any', 1)}` : ''
      const head = this.#tag(
        `for x in ${this.#expression(this.#pick(['list', 'list', 'dict', 'any']), 2)}${filter}`,
      )
      this.#names.push('x', 'loop.index', 'loop.last', 'loop.previtem', 'loop.length', 'loop.nextitem')
      const control = this.#random.chance(0.15)
        ? `${this.#tag(`if ${this.#expression('any', 1)}`)}${this.#tag(this.#pick(['break', 'continue']))}${this.#tag('endif')}`
        : ''
      return `${head}${control}${this.#statements(depth - 1)}${this.#tag('endfor')}`
    })
  }

  #macro(depth: number): string {
    const name = this.#pick(['f', 'g', 'h'])
    const macro = this.#inner(() => {
      const head = this.#tag(`macro ${name}(a, b=${this.#expression('any', 1)})`)
      this.#names.push('a', 'b', 'varargs', 'kwargs')
      this.#names.push(...(this.#random.chance(0.3) ? ['caller(1)'] : []))
      const macros = this.#macros
      this.#macros = []
      const body = `${head}${this.#statements(depth - 1)}${this.#tag('endmacro')}`
      this.#macros = macros
      return body
    })
    this.#macros.push(name)
    return macro
  }
}
