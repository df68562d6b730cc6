// Marks of emphasis without end take no time, and those of a text that is meant are read.
import { expect, test } from 'vitest'
import { Blocks } from '../../web/src/markdown/blocks.ts'
import { isTooEmphatic } from '../../web/src/markdown/emphasis.ts'
import { marked } from '../../web/src/markdown/parser.ts'
import { expectLittleWork } from '../promptly.js'

test.each(['a**b', '***a** ', '*a ', '_a '])('%s, 20,000 times', async (mark) => {
  const text = mark.repeat(20_000)
  await expectLittleWork(100, () => expect(new Blocks().of(text)).toEqual([text]))
  expect(isTooEmphatic(text)).toBe(true) // so it is shown as it is
})

test('a text with a thousand bold words is read, and what a paragraph may have takes little time', async () => {
  const text = Array.from({ length: 40 }, () => `${'**word** '.repeat(30)}\n\n- *one*\n- _two_\n`).join('\n')
  expect(isTooEmphatic(text)).toBe(false)
  expect((await marked.parse(text)).match(/<strong>word<\/strong>/g)).toHaveLength(1200)
  expect(isTooEmphatic(`- **item**\n`.repeat(900))).toBe(false)
  const worst = '***a** '.repeat(500)
  expect(isTooEmphatic(worst)).toBe(false)
  await expectLittleWork(500, () => marked.parse(worst))
})
