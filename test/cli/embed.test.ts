import { expect, test } from 'vitest'
import { load } from '../../lib/index.js'
import { quern, quernFed } from './quern.js'

const texts = ['Once upon a time', 'The sun rises.']

test('prints a line of numbers for each text', async () => {
  const { code, out, err } = await quern('embed', ...texts)
  expect([code, err]).toEqual([0, ''])
  const model = await load()
  const want = await model.embed(texts)
  await model.close()
  const lines = out.trimEnd().split('\n')
  expect(lines.map((line) => Float32Array.from(JSON.parse(line)))).toEqual(want)
})

test('cuts them, and asks for something', async () => {
  const flags = ['--dimensions', '8', '--instruction', 'Find a story', '--json']
  const { code, out } = await quern('embed', ...texts, ...flags)
  const { model: source, dimensions, embeddings } = JSON.parse(out)
  const model = await load()
  const want = await model.embed(texts, { dimensions: 8, instruction: 'Find a story' })
  expect([code, source, dimensions]).toEqual([0, model.info.source, 8])
  await model.close()
  expect(embeddings.map(({ text }: { text: string }) => text)).toEqual(texts)
  expect(embeddings.map(({ embedding }: { embedding: number[] }) => Float32Array.from(embedding))).toEqual(
    want,
  )
})

test.each([
  [
    ['--dimensions', '1000'],
    2,
    'error: dimensions: expected a whole number from 1 to 256, got 1000 (invalid_option)',
  ],
  [['--dimensions', 'many'], 2, 'expected a whole number, 0 or more\n(quern embed --help tells more)'],
  [['--dimensions', '-1'], 2, 'expected a whole number, 0 or more'],
  [['--pooling', 'mean'], 2, "unknown option '--pooling'"],
  [['--model', 'no/such/folder/at/all'], 1, '(missing_file)'],
])('says what is wrong with %j', async (flags, code, message) => {
  const result = await quern('embed', 'A', ...flags)
  expect(result).toMatchObject({ code, out: '' })
  expect(result.err).toContain(message)
})

test('names the text that is wrong', async () => {
  const { code, err } = await quern('embed', 'A', 'long '.repeat(5000))
  expect(code).toBe(1)
  expect(err).toMatch(/^error: text 2: .*\(context_overflow\)\n$/)
})

// More lines than are embedded at once: the number is that of the line, not of its place among those.
test.each([
  ['2', ['A', '', 'B'], 'got none'],
  ['1500', [...Array<string>(1499).fill('A'), 'long '.repeat(5000)], 'the context holds 2048'],
])('names line %s of standard input', async (line, lines, message) => {
  const { status, stderr } = quernFed(lines.join('\n'), 'embed', '--dimensions', '1')
  expect(status).toBe(1)
  expect(stderr).toMatch(new RegExp(`^error: line ${line} of standard input: .*${message}`))
})
