// Templates by a grammar, from a seed: mostly right ones, for two errors are equal whatever they say.
import { Random } from '../random.js'

type Kind = 'text' | 'int' | 'float' | 'bool' | 'list' | 'dict' | 'any'

const texts = [
  's',
  'e',
  'u',
  'sp',
  'html',
  'long',
  'd.c',
  'm[0].role',
  "'a'",
  "''",
  '"x\\ny"',
  "'Ab c'",
  "'12'",
  "'-'",
]
const names: Record<Exclude<Kind, 'any'>, readonly string[]> = {
  text: texts,
  int: ['n', 'big', '0', '1', '2', '7', '-3', 'l[0]', '10 ** 17', 'm | length'],
  float: ['f', '1.5', '-0.25', '1e10', '0.1', '3.0'],
  bool: ['t', 'true', 'false', 'n > 2', 'z is none', 'nope is defined'],
  list: ['l', 'w', 'el', 'm', 'nested', 'range(4)', '[1, "b", none]', '(1, 2)', 'd.items()', 'd.keys()'],
  dict: ['d', 'ed', 'm[1]', '{"k": 1, 2: "v"}', 'dict(a=1, b=[2])'],
}
const unknown = ['nope', 'd.nope', 'z', 'none', 'namespace(a=1).b', 'l[7]']

/** Filters and methods from a kind to a kind; $t, $i, $l … are arguments of that kind, $k a small int. */
const steps: Record<Exclude<Kind, 'any'>, readonly (readonly [string, Kind])[]> = {
  text: [
    ...[
      'upper',
      'lower',
      'title',
      'capitalize',
      'trim',
      'e',
      'string',
      'reverse',
      'safe',
      'forceescape',
      'urlencode',
    ].map((name) => [`| ${name}`, 'text'] as const),
    ...[
      'striptags',
      'urlize',
      'pprint',
      'wordwrap($k)',
      'truncate($k, $b)',
      'indent($k, $b, $b)',
      'center($k)',
    ].map((name) => [`| ${name}`, 'text'] as const),
    ...['replace($t, $t)', 'default($t, $b)', 'format($a)', 'tojson'].map(
      (name) => [`| ${name}`, 'text'] as const,
    ),
    ...[
      'upper()',
      'swapcase()',
      'strip()',
      'lstrip($t)',
      'title()',
      'casefold()',
      'zfill($k)',
      'ljust($k)',
    ].map((name) => [`.${name}`, 'text'] as const),
    ...['replace($t, $t, $k)', 'join($l)', 'removeprefix($t)', 'expandtabs($k)', 'rjust($k, "é")'].map(
      (name) => [`.${name}`, 'text'] as const,
    ),
    ...['[$k:]', '[:-$k]', '[$k]', '[::-1]', '[-$k::2]', ' * $k', ' + $t'].map(
      (name) => [name, 'text'] as const,
    ),
    ...[
      'split($t)',
      'split()',
      'split($t, $k)',
      'rsplit($t, $k)',
      'splitlines($b)',
      'partition($t)',
      'rpartition($t)',
    ].map((name) => [`.${name}`, 'list'] as const),
    ['| list', 'list'],
    ['| length', 'int'],
    ['| wordcount', 'int'],
    ['| int($k)', 'int'],
    ['| float', 'float'],
    ['.find($t)', 'int'],
    ['.rfind($t, $k)', 'int'],
    ['.count($t)', 'int'],
    ['.startswith($t)', 'bool'],
    ['.endswith($t, $k)', 'bool'],
    ['.isdigit()', 'bool'],
    ['.isupper()', 'bool'],
    ['.istitle()', 'bool'],
    ['is lower', 'bool'],
    ['is string', 'bool'],
    ['in $t', 'bool'],
    ['< $t', 'bool'],
    ['% $a', 'text'],
  ],
  int: [
    ...['+ $i', '- $i', '* $i', '// $i', '% $i', '** $k', '| abs', '| round($k)', '| int'].map(
      (name) => [name, 'int'] as const,
    ),
    ['/ $i', 'float'],
    ['+ $f', 'float'],
    ['| float', 'float'],
    ['| string', 'text'],
    ['~ $t', 'text'],
    ['| filesizeformat($b)', 'text'],
    ['| tojson', 'text'],
    ['| replace("1", $t)', 'text'],
    ...['is odd', 'is divisibleby $i', '< $i', '== $f', '>= $i', 'in $l', 'is number'].map(
      (name) => [name, 'bool'] as const,
    ),
  ],
  float: [
    ...[
      '+ $f',
      '- $i',
      '* $f',
      '/ $f',
      '// $f',
      '% $f',
      '| round($k)',
      '| round($k, "ceil")',
      '| abs',
      '| round',
    ].map((name) => [name, 'float'] as const),
    ['| int', 'int'],
    ['| string', 'text'],
    ['| tojson', 'text'],
    ['| filesizeformat', 'text'],
    ['< $i', 'bool'],
    ['is float', 'bool'],
  ],
  bool: [
    ['and $b', 'bool'],
    ['or $b', 'bool'],
    ['== $b', 'bool'],
    ['is true', 'bool'],
    ['+ $i', 'int'],
    ['~ $t', 'text'],
    ['| tojson', 'text'],
  ],
  list: [
    ...[
      '| sort',
      '| sort(true)',
      '| reverse | list',
      '| unique | list',
      '| list',
      '| map("string") | list',
      '[$k:]',
    ].map((name) => [name, 'list'] as const),
    ...[
      '| batch($p) | list',
      '| slice($p, $a) | list',
      '| reject("none") | list',
      '| select | list',
      '+ $l',
      '[::-1]',
    ].map((name) => [name, 'list'] as const),
    ...[
      '| map(attribute="role") | list',
      '| selectattr("role", "defined") | list',
      '| rejectattr("at.k", "gt", $k) | list',
    ].map((name) => [name, 'list'] as const),
    ...[
      '| map("upper") | list',
      '| select("in", $l) | list',
      '| groupby("role")',
      '| map("default", $a) | list',
    ].map((name) => [name, 'list'] as const),
    ...['| first', '| last', '| min', '| max', '| random'].slice(0, 4).map((name) => [name, 'any'] as const),
    ...['[$k]', '[-1]', '| sum', '| sum(start=$i)'].map((name) => [name, 'any'] as const),
    ['| join', 'text'],
    ['| join($t)', 'text'],
    ['| join($t, "role")', 'text'],
    ['| tojson', 'text'],
    ['| tojson(indent=$k)', 'text'],
    ['| string', 'text'],
    ['| pprint', 'text'],
    ['| length', 'int'],
    ['== $l', 'bool'],
    ['< $l', 'bool'],
    ['is sequence', 'bool'],
  ],
  dict: [
    ['| dictsort', 'list'],
    ['| items | list', 'list'],
    ['.keys() | list', 'list'],
    ['.values() | list', 'list'],
    ['| list', 'list'],
    ['.get($t)', 'any'],
    ['.get("b", $a)', 'any'],
    ['["c"]', 'any'],
    ['.a', 'any'],
    ['[$a]', 'any'],
    ['| tojson(sort_keys=$b)', 'text'],
    ['| tojson(indent=$k, ensure_ascii=true)', 'text'],
    ['| string', 'text'],
    ['| pprint', 'text'],
    ['| xmlattr', 'text'],
    ['| urlencode', 'text'],
    ['| length', 'int'],
    ['== $d', 'bool'],
    ['is mapping', 'bool'],
  ],
}

const kinds = ['text', 'int', 'float', 'bool', 'list', 'dict'] as const
const letters: Record<string, Kind> = {
  t: 'text',
  i: 'int',
  f: 'float',
  b: 'bool',
  l: 'list',
  d: 'dict',
  a: 'any',
}

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
