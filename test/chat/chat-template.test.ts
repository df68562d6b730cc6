// What a template may do, and what it may not: errors, variables, time and output.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { ChatTemplate } from '../../lib/chat/chat-template.js'
import { QuernError } from '../../lib/errors.js'
import { expectLittleWork } from '../promptly.js'

const user = [{ role: 'user' as const, content: 'Hello!' }]

function render(source: string, variables: Record<string, unknown> = {}): string {
  return new ChatTemplate(source).render(user, variables)
}

function codeOf(call: () => unknown): string {
  try {
    call()
  } catch (error) {
    expect(error).toBeInstanceOf(QuernError)
    return (error as QuernError).code
  }
  return 'none'
}

describe('rendering', () => {
  test('variables, special tokens, tools and the generation prompt reach the template', () => {
    const source =
      '{{ bos_token }}{{ x }}{{ tools | tojson }}{{ add_generation_prompt }}{{ pad_token is defined }}'
    const template = new ChatTemplate(source, { bos_token: '<s>' })
    expect(template.render(user, { x: 1, tools: [{ a: 1.5 }], addGenerationPrompt: true })).toBe(
      '<s>1[{"a": 1.5}]TrueFalse',
    )
    expect(template.render(user)).toBe('<s>noneFalseFalse'.replace('none', 'null'))
  })

  test.each([
    [
      '{{ none }} {{ true }} {{ nope }} {{ [1, "a", none] }} {{ {"k": 1.5} }}',
      "None True  [1, 'a', None] {'k': 1.5}",
    ],
    ['{{ "  x\n"|trim }}|{{ "\n x \n".strip("\n") }}|{{ "xxaxx".lstrip("x") }}', 'x| x |axx'],
    ['{{ 1 == "1" }} {{ none == nope }} {{ [1, [2]] == [1, [2]] }} {{ true == 1 }}', 'False False True True'],
    ['{{ "🌍a"|length }} {{ "🌍a"|first }} {{ -7 % 3 }} {{ "b" > "a" }}', '2 🌍 2 True'],
    ['{% for c in "ab" %}{{ c }}.{% endfor %}{% for x in nope %}x{% endfor %}', 'a.b.'],
    ['{{ [1, 2, 3]|reject("equalto", 2)|list }} {{ ["a"]|map("upper")|join }}', '[1, 3] A'],
    ['{{ messages|selectattr("role", "in", ["user"])|map(attribute="content")|first }}', 'Hello!'],
    ['{% set d = {"items": 1} %}{% for k, v in d.items() %}{{ k }}={{ v }}{% endfor %}', 'items=1'],
    ['{{ {"b": 1, "a": ["é"]}|tojson(sort_keys=true, ensure_ascii=true) }}', '{"a": ["\\u00e9"], "b": 1}'],
    ['{{ [1, {}]|tojson(indent=2) }}', '[\n  1,\n  {}\n]'],
  ])('%s', (source, expected) => {
    expect(render(source)).toBe(expected)
  })

  test('the date is the one given', () => {
    const now = new Date(2025, 2, 4, 5, 6, 7)
    expect(render('{{ strftime_now("%d %b %Y, %-d %B, %H:%M:%S %p %j") }}', { now })).toBe(
      '04 Mar 2025, 4 March, 05:06:07 AM 063',
    )
  })
})

describe('failures', () => {
  test.each([
    ['{{ raise_exception("no " + "system") }}', 'template_error'],
    ['{{ nope.more }}', 'template_error'],
    ['{{ "a" + 1 }}', 'template_error'],
    ['{{ 1 / 0 }}', 'template_error'],
    ['{% if %}', 'invalid_template'],
    ['{{ x', 'invalid_template'],
    ['{% include "x" %}', 'template_error'],
    ['{{ x | nofilter }}', 'invalid_template'],
    ['x'.repeat(600_000), 'invalid_template'],
  ])('%#', (source, code) => {
    expect(codeOf(() => render(source))).toBe(code)
  })

  test('what the template says in raise_exception is the message', () => {
    expect(() => render('{{ raise_exception("Only user roles!") }}')).toThrow(/^Only user roles!$/)
  })

  test('nothing of JavaScript is in reach', () => {
    const names = ['constructor', '__proto__', 'prototype', 'toString', '__class__']
    for (const name of names) {
      const source = `{{ messages.${name} }}{{ messages[0].${name} }}{{ "x".${name} }}{{ ${name} }}{{ range.${name} }}`
      expect(render(source)).toBe('')
    }
  })

  test('input that is no conversation', () => {
    const template = new ChatTemplate('{{ messages }}')
    expect(codeOf(() => template.render('hi' as never))).toBe('invalid_input')
    const cyclic: Record<string, unknown> = { role: 'user' }
    cyclic.self = cyclic
    expect(codeOf(() => template.render([cyclic] as never))).toBe('invalid_input')
    expect(codeOf(() => new ChatTemplate(7 as never))).toBe('invalid_input')
  })
})

describe('hostile templates end soon', () => {
  const doubled = (start: string, times: number, step: string) =>
    `{% set ns = namespace(x=${start}) %}{% for i in range(${times}) %}{% set ns.x = ${step} %}{% endfor %}`
  const rounds = (body: string) => `{% for i in range(10000) %}${body}{% endfor %}`
  test.each([
    ['nested loops', '{% for a in range(1000) %}{% for b in range(1000) %}x{% endfor %}{% endfor %}'],
    ['a huge range', '{% for a in range(1000000000) %}{% endfor %}'],
    ['ranges', rounds('{% set x = range(100000) | list %}')],
    ['doubled text', `${doubled('"x"', 60, 'ns.x ~ ns.x')}{{ ns.x }}`],
    ['doubled list', `${doubled('[1]', 60, 'ns.x + ns.x')}{{ ns.x }}`],
    ['shared lists as JSON', `${doubled('[1]', 60, '[ns.x, ns.x]')}{{ ns.x | tojson }}`],
    ['shared lists as text', `${doubled('[1]', 60, '[ns.x, ns.x]')}{{ ns.x }}`],
    [
      'shared lists compared',
      `${doubled('[1]', 60, '[ns.x, ns.x]')}${doubled('[1]', 60, '[ns.x, ns.x]').replaceAll('ns', 'nt')}{{ ns.x == nt.x }}`,
    ],
    ['a text in a loop', `${doubled('"x"', 20, 'ns.x ~ ns.x')}${rounds('{% set y = ns.x | upper %}')}`],
    ['search in a loop', `${doubled('"x"', 20, 'ns.x ~ ns.x')}${rounds('{% set y = "yy" in ns.x %}')}`],
    ['slices', `${doubled('"x"', 20, 'ns.x ~ ns.x')}${rounds('{% set y = ns.x[1:2] %}')}`],
    ['replacement', `${doubled('"x"', 20, 'ns.x ~ ns.x')}{{ ns.x.replace("", ns.x) }}`],
    ['the filter of it', `${doubled('"x"', 20, 'ns.x ~ ns.x')}{{ ns.x | replace("x", ns.x) }}`],
    [
      'indent',
      `${doubled('"\\n"', 20, 'ns.x ~ ns.x')}{% filter indent(1000, true, true) %}{{ ns.x }}{% endfilter %}`,
    ],
    ['a wide indent', '{{ "x" | indent(1000000000) }}{{ [1] | tojson(indent=1000000000) }}'],
    ['join', `${doubled('"x"', 20, 'ns.x ~ ns.x')}{{ range(100000) | map("string") | join(ns.x) }}`],
    ['a macro that calls itself', '{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}'],
    [
      'two calls each',
      '{% macro f(n) %}{% if n > 0 %}{{ f(n - 1) }}{{ f(n - 1) }}{% endif %}{% endmacro %}{{ f(60) }}',
    ],
    ['sorting', rounds('{% set x = range(1000) | sort %}')],
    ['deep brackets', `{{ ${'['.repeat(20_000)}${']'.repeat(20_000)} }}`],
  ])('%s', async (_name, source) => {
    await expectLittleWork(1500, () =>
      expect(codeOf(() => render(source))).toMatch(/^(template_limit|template_error|invalid_template)$/),
    )
  })

  test('a long honest conversation is within the limit', () => {
    const turns = Array.from({ length: 2000 }, (_, i) => ({
      role: i % 2 === 0 ? ('user' as const) : ('assistant' as const),
      content: 'word '.repeat(200),
    }))
    const source =
      "{% for m in messages %}{% if (m.role == 'user') != (loop.index0 % 2 == 0) %}{{ raise_exception('order') }}{% endif %}" +
      "{{ '<|im_start|>' + m.role + '\\n' + (m.content | trim) + '<|im_end|>\\n' }}{% if loop.last or messages[loop.index0 + 1].role != 'x' %}{% endif %}{% endfor %}"
    expect(new ChatTemplate(source).render(turns).length).toBeGreaterThan(2000 * 1000)
  })

  test('any text is a template, or an error', () => {
    const pieces = fc.constantFrom(
      '{{',
      '}}',
      '{%',
      '%}',
      '{#',
      '#}',
      'for x in',
      'if',
      'endfor',
      ' messages',
      '|',
      'tojson',
      '(',
      ')',
      '[',
      '"',
      "'",
      '\\',
      '-',
      'x',
      '\n',
      '.',
      'set',
      '=',
      'macro',
      '~',
      '**',
      '9',
    )
    fc.assert(
      fc.property(fc.array(pieces, { maxLength: 30 }), (parts) => {
        expect(codeOf(() => render(parts.join('')))).toMatch(
          /^(none|template_limit|template_error|invalid_template)$/,
        )
      }),
      { numRuns: 500 },
    )
  })
})
