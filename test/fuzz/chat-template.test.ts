// Any text is a template or an error, and so is any real template with something changed. `npm run fuzz` gives it more rounds.
import { readdirSync } from 'node:fs'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { ChatTemplate } from '../../lib/chat/chat-template.js'
import { QuernError } from '../../lib/errors.js'
import { fixturePath, goldenPath, goldensPresent, readText } from '../golden.js'
import { filters, methods, statements, tests } from '../jinja/documented.js'
import { expectLittleWork } from '../promptly.js'

const runs = 5000 * Number(process.env.QUERN_FUZZ ?? 1)

const messages = [
  { role: 'system' as const, content: 'Be terse.' },
  { role: 'user' as const, content: 'Why is the sky blue? 🌍' },
  { role: 'assistant' as const, content: '<think>\nhm\n</think>\n\nScattering.' },
  { role: 'user' as const, content: '' },
]
const variables = {
  tools: [{ type: 'function', function: { name: 'f', parameters: { a: [1, 2.5, null] } } }],
  x: { a: [1] },
}

/** Fails unless it renders, or is refused in words, within a second or so. */
async function tryTemplate(source: string): Promise<void> {
  await expectLittleWork(
    3000,
    () => {
      try {
        new ChatTemplate(source, { bos_token: '<s>' }).render(messages, {
          ...variables,
          addGenerationPrompt: true,
        })
      } catch (error) {
        expect(error, source).toBeInstanceOf(QuernError)
        expect((error as QuernError).code, source).toMatch(
          /^(template_error|template_limit|invalid_template)$/,
        )
      }
    },
    source,
  )
}

const words = [
  ...[
    '{{',
    '}}',
    '{%',
    '%}',
    '{#',
    '#}',
    '{%-',
    '-%}',
    '{{-',
    '-}}',
    '+%}',
    '\n',
    ' ',
    '  \n',
    '"',
    "'",
    '\\',
    'é',
    '🌍',
    '\0',
    '\u2028',
  ],
  ...[
    '+',
    '-',
    '*',
    '/',
    '//',
    '**',
    '%',
    '~',
    '==',
    '!=',
    '<',
    '<=',
    '(',
    ')',
    '[',
    ']',
    '{',
    '}',
    ',',
    ':',
    '.',
    '|',
    '=',
    '::',
    ';',
    '$',
  ],
  ...[
    '0',
    '7',
    '3.5',
    '1e5',
    '0x1f',
    '1_0',
    '9'.repeat(30),
    '""',
    '"a"',
    "'b\\n'",
    'none',
    'true',
    'x',
    'messages',
    'm',
    'loop',
    'ns',
  ],
  ...[
    'if',
    'else',
    'elif',
    'endif',
    'for',
    'in',
    'endfor',
    'recursive',
    'set',
    'endset',
    'macro',
    'endmacro',
    'call',
    'endcall',
    'caller()',
  ],
  ...[
    'filter',
    'endfilter',
    'with',
    'endwith',
    'block',
    'endblock',
    'raw',
    'endraw',
    'autoescape',
    'generation',
    'endgeneration',
  ],
  ...[
    'break',
    'continue',
    'include',
    'print',
    'is',
    'not',
    'and',
    'or',
    'namespace(',
    'range(',
    'dict(',
    'cycler(',
    'joiner(',
    'self',
  ],
  ...[
    '{% for m in messages %}',
    '{% endfor %}',
    '{% if x %}',
    '{% endif %}',
    '{{ m.content }}',
    '{% set ns = namespace(x=1) %}',
  ],
  ...Object.keys(filters).map((name) => `| ${name}`),
  ...Object.keys(tests).map((name) => `is ${name}`),
  ...Object.keys(methods).map((name) => `.${name}(`),
]

test(`${runs} texts of template words`, async () => {
  const soup = fc.array(fc.constantFrom(...words), { maxLength: 40 }).map((parts) => parts.join(' '))
  const printed = fc
    .array(fc.constantFrom(...words), { minLength: 1, maxLength: 12 })
    .map((parts) => `{{ x ${parts.join(' ')} }}`)
  await fc.assert(fc.asyncProperty(fc.oneof(soup, printed), tryTemplate), { numRuns: runs })
})

const real = [
  readText(fixturePath('chat', 'qwen3-2507-instruct.jinja')),
  ...(goldensPresent
    ? readdirSync(goldenPath('chat', 'templates')).map((name) =>
        readText(goldenPath('chat', 'templates', name)),
      )
    : []),
  ...Object.values(statements).flat(),
]

test(`${runs} real templates with something changed`, async () => {
  const change = fc.record({
    at: fc.double({ min: 0, max: 1, noNaN: true }),
    length: fc.oneof(fc.constant(0), fc.nat(3), fc.nat(200)),
    by: fc.oneof(fc.constantFrom('', ...words), fc.string({ maxLength: 5 })),
  })
  const mutated = fc
    .tuple(fc.constantFrom(...real), fc.array(change, { minLength: 1, maxLength: 4 }))
    .map(([source, changes]) => {
      let text = source
      for (const { at, length, by } of changes) {
        const start = Math.floor(at * text.length)
        text = text.slice(0, start) + by + text.slice(start + length)
      }
      return text
    })
  await fc.assert(fc.asyncProperty(mutated, tryTemplate), { numRuns: runs })
})
