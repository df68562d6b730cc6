// What looks small and is not: keys that hash alike, arguments by the thousand, parts of long texts, numbers that grow.
import { expect, test } from 'vitest'
import { QuernError } from '../../lib/errors.js'
import { Template } from '../../lib/jinja/template.js'
import { expectLittleWork } from '../promptly.js'
import { expectModest } from './peak-memory.js'

/** The text that it gives, or the error that it ends with. */
function outcome(source: string): { error: unknown; text: string } {
  let error: unknown
  let text = ''
  try {
    text = new Template(source).render({}, new Date())
  } catch (caught) {
    error = caught
  }
  return { error, text }
}

const again = (given: string, expression: string) =>
  `${given}{% for i in range(100000) %}{% set q = ${expression} %}{% endfor %}`

const mappings =
  '{% set d = {}.fromkeys(range(5000)) %}{% set o = {}.fromkeys(range(1, 5001)) %}{% set t = {}.fromkeys(range(5000) | map("string")) %}'
const long = '{% set x = "ab c" * 400000 %}'
const list = '{% set l = [0] * 20000 %}'

/** Each took from 2 seconds to minutes before it was paid for. */
const costs: Record<string, string> = {
  'integers that hash alike, as items': '{{ range(0, 40000 * 2 ** 64, 2 ** 64) | unique | list | length }}',
  'integers that hash alike, as keys': '{{ {}.fromkeys(range(0, 40000 * 2 ** 64, 2 ** 64)) | length }}',
  'a range of a range of a range':
    '{% set ns = namespace(r=range(3)) %}{% for i in range(20000) %}{% set ns.r = ns.r[::10 ** 308] %}{% endfor %}',
  bits: again('{% set b = 10 ** 4000 %}', 'b.bit_count()'),
  'digits with a prefix': again('{% set x = "0x" ~ "f" * 4200 %}', 'x | int(0, 0)'),
  'mappings of equal size': again(mappings, 'd == o'),
  'keys of mappings of equal size': again(mappings, 'd.keys() == o.keys()'),
  'names by the thousand': again(mappings, 'dict(**t)'),
  'names by the thousand, for each item': `${mappings}{{ range(20000) | map("format", **t) | list | length }}`,
  'arguments by the thousand, for each item': `${list}{{ range(20000) | map("select", *l) | list | length }}`,
  'the beginning of a long text, by %': again(long, '"%.1s" % x'),
  'the beginning of a long text, by format()': again(long, '"{:.1}".format(x)'),
  'a list of attributes': again('{% set x = "," * 100000 %}', '[] | sort(attribute=x)'),
  'one list of very many attributes': '{{ [] | sort(attribute="," * 1900000) }}',
  'very many digits of a width': '{{ ("%" ~ "9" * 1900000 ~ "d") % 1 }}',
  'the parameters of a macro': `{% macro m(${Array.from({ length: 20_000 }, (_, i) => `a${i}`)}) %}{% endmacro %}${again('', 'm.arguments')}`,
}

test.each(Object.entries(costs))('%s', async (_name, source) => {
  await expectLittleWork(2000, () => {
    const { error } = outcome(source)
    if (error !== undefined) expect((error as QuernError).code).toMatch(/^template_(limit|error)$/)
  })
})

test.each([
  ['separators', '{{ ([1] * 500) | tojson(separators=["a" * 900000, ":"]) | length }}'],
  ['keys', '{{ {"a" * 200000: ["b" * 80] * 1000} | pprint | length }}'],
])('what stands between the lines counts before it is written: %s', async (_name, source) => {
  expect(await expectModest(100, [source])).toEqual(['template_limit'])
})

test('a tag with very many values', () => {
  const { error, text } = outcome(`{% print ${'"",'.repeat(150_000)}1 %}`)
  if (error === undefined) expect(text).toBe('1')
  else expect((error as QuernError).code).toBe('template_limit')
})

test.each([
  ['{{ "%c" % (0 - 1) }}', /chr\(\) arg not in range/],
  ['{{ "%c" % 1114112 }}', /chr\(\) arg not in range/],
  ['{{ "a".translate({97: 99999999}) }}', /chr\(\) arg not in range/],
])('%s is no question of size', (source, message) => {
  const { error } = outcome(source)
  expect(error).toBeInstanceOf(QuernError)
  expect(error).toMatchObject({ code: 'template_error', message: expect.stringMatching(message) })
})

test.each(['keys', 'items'])('%s of a mapping are no key', (name) => {
  const { error } = outcome(`{{ {1: 2}.${name}() in {} }}`)
  expect((error as Error).message).toContain(`unhashable type: 'dict_${name}'`)
})

test('a message quotes so much of a key and no more', () => {
  const { error } = outcome('{{ {}["a" * 1900000].b }}')
  expect((error as Error).message).toMatch(
    /^chat template, line 1, column \d+: 'dict object' has no attribute 'a+…$/,
  )
  expect((error as Error).message.length).toBeLessThan(600)
})

/** As Python 3 answers. */
test.each([
  ['{{ [1, 2, 3][::10 ** 400] }}', '[1]'],
  ['{{ range(10)[::10 ** 400] | list }}', '[0]'],
  ['{{ [1, 2, 3][0 - 10 ** 400:10 ** 400] }}', '[1, 2, 3]'],
  ['{{ ("" * 10 ** 400) | length }}{{ ([] * 10 ** 400) | length }}', '00'],
  ['{{ {1: "a", 2 ** 70: "b", 1.5: "c"}[True] }}{{ {2.0 ** 70: "b"}[2 ** 70] }}', 'ab'],
  ['{{ {"\\u00001": "a"}[1] is defined }}{{ {(1, "1"): 2}[("1", 1)] is defined }}', 'FalseFalse'],
  [
    '{{ [1, 1.0, true, "1", 0.0, -0.0, 2 ** 64, 2.0 ** 64] | unique | list }}',
    "[1, '1', 0.0, 18446744073709551616]",
  ],
  [
    '{{ "0x_ff" | int(0, 0) }} {{ "0b101" | int(0, 0) }} {{ "zz" | int(0, 36) }} {{ "12" | int(0, 8) }}',
    '255 5 1295 10',
  ],
  ['{{ "%.2s" % "🌍🌎🌏" }}{{ "{:.2}".format("a🌎🌏") }}{{ "%-5.1s|" % "🌍b" }}', '🌍🌎a🌎🌍    |'],
  ['{{ (255).bit_count() }} {{ (-256).bit_length() }} {{ (0).bit_length() }}', '8 9 0'],
  ['{{ "%*d|%-*d" % (5, 1, 4, 2) }}', '    1|2   '],
  ['{{ {"a": 1, "b": 2} == {"b": 2, "a": 1} }}{{ {1: 1}.keys() == {1.0: 2}.keys() }}', 'TrueTrue'],
])('%s', (source, expected) => {
  const { error, text } = outcome(source)
  expect(error).toBeUndefined()
  expect(text).toBe(expected)
})
