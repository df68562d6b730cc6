import { expect, test } from 'vitest'
import { fromLine, toLine } from '../../lib/cli/pasted.js'

test.each([
  ['one\ntwo', 'one⏎two', 'one\ntwo'],
  ['one\r\n\r\ntwo\rthree\n\n', 'one⏎⏎two⏎three', 'one\n\ntwo\nthree'],
  ['\tif x:\n\t\ty', '⇥if x:⏎⇥⇥y', '\tif x:\n\t\ty'],
  ['a\x1b[31mred\x00\x03\x9b', 'a[31mred', 'a[31mred'],
  ['héllo 二', 'héllo 二', 'héllo 二'],
])('%j', (pasted, line, text) => {
  expect(toLine(pasted)).toBe(line)
  expect(fromLine(line)).toBe(text)
})
