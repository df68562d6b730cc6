// A text that grows is read as Markdown from its end, and comes out as if it had been read whole.
import { expect, test } from 'vitest'
import { Blocks } from '../../web/src/markdown/blocks.ts'
import { marked } from '../../web/src/markdown/parser.ts'

const text = `# A title

A paragraph with *words*
on two lines.

- one
- two

  more of two
- three

1. first

2. second

\`\`\`ts
const a = '\`\`'

const b = 1
\`\`\`

> said
> again

Becomes a title
===

| a | b |
|---|---|
| 1 | 2 |

$$
\\frac{a}{b}
$$

The end, with $x^2$, and $5 or $6.
`

test('piece by piece it is the same as at once', () => {
  for (const size of [1, 2, 3, 7, 50]) {
    const blocks = new Blocks()
    for (let end = size; end < text.length; end += size)
      expect(blocks.of(text.slice(0, end)).join('')).toBe(text.slice(0, end))
    const html = blocks.of(text).map((block) => marked.parse(block))
    expect(html.join('')).toBe(marked.parse(text))
  }
})

test('what is settled is not read again', () => {
  const blocks = new Blocks()
  const before = blocks.of(text)
  const after = blocks.of(`${text}\nMore.\n\nAnd more.\n`)
  expect(after.slice(0, before.length - 2)).toEqual(before.slice(0, -2))
})

test('another text is read from its beginning', () => {
  const blocks = new Blocks()
  blocks.of(text)
  expect(blocks.of('Other.\n\nWords.').join('')).toBe('Other.\n\nWords.')
})

test('formulas are told from prices, and HTML from formulas', () => {
  expect(marked.parse('It costs $5 and $6.')).toBe('<p>It costs $5 and $6.</p>\n')
  expect(marked.parse('So $a<b$ holds')).toContain('<span class="math">a&#60;b</span>')
  expect(marked.parse('\\[x\\]')).toContain('math-display')
  expect(marked.parse('<img src=x onerror=alert(1)>')).not.toContain('<img')
  expect(marked.parse('![a](https://example.com/a.png)')).not.toContain('<img')
})

test.each([
  '>'.repeat(10_000),
  '> '.repeat(3000),
  '- '.repeat(10_000),
  '1. '.repeat(5000),
  Array.from({ length: 1000 }, (_, i) => `${' '.repeat(2 * i)}- x\n`).join(''),
])('what is nested without end is one block: %#', (text) => {
  expect(new Blocks().of(`${text}x`)).toEqual([`${text}x`])
})

test('what people nest is still read', () => {
  const nested = Array.from({ length: 12 }, (_, i) => `${' '.repeat(4 * i)}- x\n`).join('')
  expect(new Blocks().of(`${'> '.repeat(20)}x\n\n${nested}\nend`)).toHaveLength(3)
})
