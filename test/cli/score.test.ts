import { writeFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { load } from '../../lib/index.js'
import { temporaryFolder } from '../model/temporary.js'
import { quern } from './quern.js'

const folder = temporaryFolder()
const prompt = 'Once upon a time, in a busy city,'
const continuation = ' there lived a boy.'

test('tells the log-probability of each token and of all', async () => {
  const { code, out, err } = await quern('score', prompt, continuation)
  expect([code, err]).toEqual([0, ''])
  const model = await load()
  const { logprob, tokens } = await model.score(prompt, continuation)
  await model.close()
  const lines = out.trimEnd().split('\n')
  expect(lines.slice(0, -1).map((line) => line.trim())).toEqual(
    tokens.map((one) => `${one.logprob.toFixed(4)}  ${JSON.stringify(one.token)}`),
  )
  expect(lines.at(-1)).toContain(`${logprob.toFixed(4)}  in all, a probability of `)
})

test('tells the likeliest tokens too, and all as JSON', async () => {
  const { out } = await quern('score', prompt, continuation, '--top-logprobs', '2')
  expect(out.split('\n')[0]).toMatch(
    /^ +-\d+\.\d{4} {2}" there" {3}\(" there" -\d+\.\d\d {2}".+" -\d+\.\d\d\)$/,
  )
  const { out: json } = await quern('score', prompt, continuation, '--top-logprobs', '2', '--json')
  const model = await load()
  const score = await model.score(prompt, continuation, { topLogprobs: 2 })
  await model.close()
  expect(JSON.parse(json)).toEqual({ prompt, continuation, ...score })
})

test('tells the perplexity of a file', async () => {
  const file = folder.join('story.txt')
  const text = `${prompt}${continuation} `.repeat(20)
  writeFileSync(file, text)
  const model = await load()
  const whole = await model.perplexity(text)
  const windows = await model.perplexity(text, { window: 64, stride: 16 })
  await model.close()
  expect((await quern('score', '--file', file)).out).toBe(
    `perplexity ${whole.perplexity.toFixed(3)}, ${whole.nll.toFixed(4)} nats a token, ${whole.tokens} tokens\n`,
  )
  const { out } = await quern('score', '--file', file, '--window', '64', '--stride', '16', '--json')
  expect(JSON.parse(out)).toEqual(windows)
})

test.each([
  [[prompt], 2, 'a prompt wants a continuation'],
  [[prompt, continuation, '--file', 'x'], 2, '--file is for a perplexity'],
  [[prompt, continuation, '--window', '9'], 2, '--window and --stride'],
  [['--file', 'x', '--top-logprobs', '9'], 2, '--top-logprobs is for a continuation'],
  [['--file', '/no/such/file'], 1, '/no/such/file: there is no such file (missing_file)'],
  [['--file', '/'], 1, '/: is a folder: expected a file (read_error)'],
  [['--file', '/dev/zero'], 1, '/dev/zero: more than 128000000 bytes (invalid_input)'],
  [[prompt, continuation, '--top-logprobs', '129'], 2, 'topLogprobs: expected a whole number from 0 to 128'],
  [['', continuation], 1, '(invalid_input)'],
])('says what is wrong with %j', async (argv, code, message) => {
  const result = await quern('score', ...argv)
  expect(result).toMatchObject({ code, out: '' })
  expect(result.err).toContain(message)
})
