import { writeFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { temporaryFolder } from '../model/temporary.js'
import { quern, quernFed } from './quern.js'

const folder = temporaryFolder()
const latin1 = Buffer.from('A caf\xe9 by the sea.\n', 'latin1')
const marked = '\ufeffOnce upon a time.'

test.each([
  ['generate', '--max-tokens', '1'],
  ['chat', '--max-tokens', '1'],
  ['embed', '--dimensions', '1'],
  ['score'],
])('%s warns of bytes that are no UTF-8', (...argv) => {
  const { status, stderr } = quernFed(latin1, ...argv)
  expect([status, stderr]).toEqual([0, expect.stringMatching(/^warning: standard input is not UTF-8: .*\n$/)])
})

test('so of a file, and reads on', async () => {
  const path = folder.join('latin1.txt')
  writeFileSync(path, latin1)
  const { code, out, err } = await quern('score', '--file', path)
  expect([code, err]).toEqual([0, expect.stringContaining(`warning: ${path} is not UTF-8`)])
  expect(out).toBe(quernFed('A caf\ufffd by the sea.\n', 'score').stdout)
})

test('a byte order mark is no part of the text', () => {
  expect(quernFed(marked, 'score').stdout).toBe(quernFed(marked.slice(1), 'score').stdout)
  const { embeddings } = JSON.parse(quernFed(marked, 'embed', '--json').stdout)
  expect(embeddings[0].text).toBe('Once upon a time.')
})

test('characters that come in pieces are whole', () => {
  const lines = 'a'.concat('é'.repeat(1000), '\n').repeat(100)
  const { embeddings } = JSON.parse(quernFed(lines, 'embed', '--json', '--dimensions', '1').stdout)
  const wrong = embeddings.filter(({ text }: { text: string }) => text !== `a${'é'.repeat(1000)}`)
  expect([embeddings.length, wrong]).toEqual([100, []])
})
