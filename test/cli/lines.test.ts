import { createInterface } from 'node:readline'
import { PassThrough } from 'node:stream'
import { expect, test } from 'vitest'
import { Lines, readMessage } from '../../lib/cli/lines.js'

async function messages(...lines: string[]): Promise<string[]> {
  const found: string[] = []
  const ask = async () => lines.shift()
  for (let text = await readMessage(ask); text !== undefined; text = await readMessage(ask)) found.push(text)
  return found
}

test.each([
  ['a line', ['Hello'], ['Hello']],
  ['a backslash goes on', ['one\\', 'two\\', 'three', 'next'], ['one\ntwo\nthree', 'next']],
  ['a backslash at the end of all', ['one\\'], ['one']],
  ['a block', ['"""', 'one', '', 'two\\', '"""', 'next'], ['one\n\ntwo\\', 'next']],
  ['a block in one line', ['"""one"""'], ['one']],
  ['a block that begins and ends with text', ['  """one', 'two"""'], ['one\ntwo']],
  ['a block that never ends', ['"""one', 'two'], ['one\ntwo']],
  ['an empty line', ['', 'a'], ['', 'a']],
])('%s', async (_, lines, expected) => {
  expect(await messages(...lines)).toEqual(expected)
})

test('lines typed ahead wait, and the end is undefined', async () => {
  const input = new PassThrough()
  const lines = new Lines(createInterface({ input }))
  const first = lines.next()
  input.write('one\ntwo\n')
  expect(await first).toBe('one')
  await new Promise(setImmediate)
  expect(await lines.next()).toBe('two')
  const last = lines.next()
  input.end()
  expect(await last).toBeUndefined()
  expect(await lines.next()).toBeUndefined()
})
