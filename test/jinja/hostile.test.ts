// Whatever a template does, over and over, with large values: it ends soon, by its budget.
import { expect, test } from 'vitest'
import { QuernError } from '../../lib/errors.js'
import { Template } from '../../lib/jinja/template.js'
import { expectLittleWork } from '../promptly.js'
import { filters, methods, tests } from './documented.js'
import { expectModest } from './peak-memory.js'

const large =
  '{% set x = "ab c" * 200000 %}{% set w = x ~ "!" %}{% set u = "a🌍" * 100000 %}{% set b = 7 ** 5000 %}{% set f = 1.1 %}' +
  '{% set y = ["ab", "cd"] * 20000 %}{% set p = {}.fromkeys(range(5000) | map("string"), "v") %}'

/** A template that does it again and again. */
const repeated = (expression: string) =>
  `${large}{% for i in range(100000) %}{% for j in range(1000) %}{% set q = ${expression} %}{% endfor %}{% endfor %}`

/** Runs it again and again, and gives the message of the error that it must end with. */
function over(expression: string): string {
  const source = repeated(expression)
  let error: unknown
  try {
    new Template(source).render({}, new Date())
  } catch (caught) {
    error = caught
  }
  expect(error, expression).toBeInstanceOf(QuernError)
  expect((error as QuernError).code, expression).toMatch(/^template_(limit|error)$/)
  return (error as Error).message
}

const values = ['x', 'y']
const forms = [
  ...Object.keys(filters).flatMap((name) =>
    values.flatMap((on) => [`${on} | ${name}`, `${on} | ${name}(x, x)`]),
  ),
  ...Object.keys(methods).flatMap((name) => [`x.${name}()`, `x.${name}(w)`, `p.${name}(w)`]),
  ...Object.keys(tests).flatMap((name) =>
    /^\w/.test(name) ? [`x is ${name}`, `y is ${name}(w)`, `b is ${name}(b)`] : [],
  ),
  ...['+', '-', '*', '/', '//', '%', '**', '~', '<', '==', 'in'].flatMap((operator) =>
    ['x', 'y', 'p', 'b', 'f'].flatMap((left) => [
      `${left} ${operator} w`,
      `${left} ${operator} y`,
      `b ${operator} ${left}`,
    ]),
  ),
  ...[
    'x[5]',
    'u[5]',
    'x[::-1]',
    'y[1:]',
    'p["a"]',
    'u | length',
    '"%900d" % 5',
    '"%.900f" % f',
    '"{:0900,}".format(b)',
  ],
  ...[
    '"{0}".format(x)',
    'x.startswith((w,) * 50000)',
    'b | string',
    'f | round(300)',
    'f | round(-1000000)',
    '("z" * 4000) | int(0, 36)',
  ],
  ...[
    'strftime_now("%c" * 10000)',
    'dict(p)',
    'cycler(*y)',
    'range(9) | list',
    '("a" * 100000) | wordwrap(1)',
  ],
]

test(`${forms.length} operations on large values`, async () => {
  for (const form of forms) await expectLittleWork(5000, () => over(form), form) // a second at most on a quiet machine
})

test('memory', async () => {
  const greedy = [
    'y | groupby(x, x) | list',
    'y * 100',
    'x * 100',
    '[y, y] | sum(start=[])',
    'x.split("")',
    'x | list',
  ]
  for (const code of await expectModest(700, greedy.map(repeated)))
    expect(code).toMatch(/^template_(limit|error)$/)
})

test.each([
  ['values within themselves', '{% set ns = namespace() %}{% set ns.a = ns %}{{ ns }}', 'template_limit'],
  [
    'a stream that asks itself',
    '{% set ns = namespace() %}{% set ns.g = [ns] | map(attribute="g") | map("list") %}{{ ns.g | list }}',
    'template_error',
  ],
  [
    'a loop that asks itself',
    '{% set ns = namespace() %}{% for x in [1, 2, 3] if ns.l is not defined or ns.l.nextitem %}{% set ns.l = loop %}{% endfor %}',
    'template_error',
  ],
  [
    'deep lists',
    '{% set ns = namespace(l=[]) %}{% for i in range(5000) %}{% set ns.l = [ns.l] %}{% endfor %}{{ ns.l }}',
    'template_limit',
  ],
  [
    'deep JSON',
    '{% set ns = namespace(l=[]) %}{% for i in range(5000) %}{% set ns.l = [ns.l] %}{% endfor %}{{ ns.l | tojson }}',
    'template_limit',
  ],
  [
    'deep keys',
    '{% set ns = namespace(l=()) %}{% for i in range(5000) %}{% set ns.l = (ns.l,) %}{% endfor %}{{ {ns.l: 1} }}',
    'template_limit',
  ],
  ['a long sum', `{{ 1${' + 1'.repeat(20_000)} }}`, 'template_limit'],
  ['many attributes', `{{ a${'.a'.repeat(20_000)} }}`, 'template_limit'],
  ['deep brackets', `{{ ${'['.repeat(20_000)}${']'.repeat(20_000)} }}`, 'invalid_template'],
  ['deep blocks', `${'{% if 1 %}'.repeat(20_000)}`, 'invalid_template'],
  ['many signs', `{{ ${'- '.repeat(20_000)}1 }}`, 'invalid_template'],
  ['many conditions', `{{ ${'1 if 1 else '.repeat(20_000)}1 }}`, 'invalid_template'],
  [
    'many parameters',
    `{% macro f(${Array.from({ length: 60_000 }, (_, i) => `a${i}`).join()}) %}{% endmacro %}{{ f() }}{{ nope.x }}`,
    'template_error',
  ],
  ['a macro in itself', '{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}', 'template_limit'],
  ['a loop in itself', '{% for x in [1] recursive %}{{ loop([1]) }}{% endfor %}', 'template_limit'],
  ['a block in itself', '{% block a %}{{ self.a() }}{% endblock %}', 'template_limit'],
])('%s', async (_name, source, code) => {
  await expectLittleWork(3000, () => {
    let error: unknown
    try {
      new Template(source).render({}, new Date())
    } catch (caught) {
      error = caught
    }
    expect(error).toBeInstanceOf(QuernError)
    expect((error as QuernError).code, (error as Error).message).toBe(code)
  })
})

const names = [
  'constructor',
  '__proto__',
  'prototype',
  'toString',
  'valueOf',
  'hasOwnProperty',
  '__defineGetter__',
  'call',
  'length',
]

test.each(names)('nothing of JavaScript is in reach: %s', (name) => {
  const values = [
    'l',
    'd',
    's',
    'n',
    'f',
    't',
    'range',
    'range(3)',
    'namespace()',
    '(1, 2)',
    'l | map("string")',
    'd.items()',
    's.upper',
  ]
  for (const value of values) {
    const source = `{{ (${value}).${name} is defined }}{{ (${value})["${name}"] is defined }}{{ ((${value}) | attr("${name}")) is defined }}`
    const rendered = new Template(`{% macro m() %}{% endmacro %}${source}{{ ${name} is defined }}`).render(
      { l: [1], d: { a: 1 }, s: 'x', n: 1, f: 1.5, t: true },
      new Date(),
    )
    expect(rendered, value).toBe('FalseFalseFalseFalse')
  }
})

test('variables are read once, shared parts too, and never changed', () => {
  let reads = 0
  const shared = Object.freeze({
    get x() {
      reads++
      return [1, undefined, null]
    },
  })
  let nested: unknown = shared
  for (let i = 0; i < 40; i++) nested = [nested, nested]
  expect(new Template('{{ a.x }}{{ b.x is defined }}').render({ a: shared, b: nested }, new Date())).toBe(
    '[1, None, None]False',
  )
  expect(reads).toBe(1)
  const cyclic: Record<string, unknown> = {}
  cyclic.self = cyclic
  expect(() => new Template('x').render({ cyclic }, new Date())).toThrow(/refers to itself/)
})

test.each([
  ['{{ x }}\n  {{ nope.more }}', 'line 2, column 10'],
  ['{% if 1 %}\n\n{{ 1 + "a" }}{% endif %}', 'line 3, column 6'],
  ['{% for x in 5 %}{% endfor %}', 'line 1, column 1'],
  ['a\r\nb {{ "x" | nofilter }}', 'line 2, column 12'],
  ['{% if %}', "line 1, column 7: expected an expression, got '%}'"],
  [
    '{% for x in y %}',
    "line 1, column 17: expected '{% endfor %}' or '{% else %}', got the end of the template",
  ],
])('errors say where: %s', (source, place) => {
  expect(() => new Template(source).render({}, new Date())).toThrow(`chat template, ${place}`)
})

test.each([
  ['a number', () => `{{ ${'1'.repeat(2e7)} }}`],
  ['escapes', () => `{{ "${'\\n'.repeat(2e7)}" }}`],
])('what is too long to be read is refused: %s', (_what, source) => {
  const parse = () => new Template(source())
  expect(parse).toThrow(expect.objectContaining({ code: 'invalid_template' }))
})
