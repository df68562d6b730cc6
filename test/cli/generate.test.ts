import { expect, test } from 'vitest'
import { load } from '../../lib/index.js'
import { quern } from './quern.js'

const greedy = ['generate', 'Once upon a time', '--temperature', '0', '--max-tokens', '24']

test('streams text of the bundled model', async () => {
  const { code, out, err } = await quern(...greedy)
  expect(code).toBe(0)
  expect(err).toBe('')
  expect(out).toMatch(/^, in a busy city, there lived a playful boy named Otto\..*\n$/)
})

test('prints one JSON object with --json', async () => {
  const { out } = await quern(...greedy, '--json', '--seed', '7')
  const { prompt, text, tokens, finishReason, usage, seed } = JSON.parse(out)
  expect({ prompt, finishReason, seed }).toEqual({
    prompt: 'Once upon a time',
    finishReason: 'length',
    seed: 7,
  })
  expect(usage).toEqual({ promptTokens: 4, cachedTokens: 0, completionTokens: 24, reasoningTokens: 0 })
  expect(tokens).toHaveLength(24)
  expect(text).toContain('playful boy')
})

test('tells speed on standard error with --stats', async () => {
  const { out, err } = await quern(...greedy, '--stats')
  expect(err).toMatch(
    /^4 \+ 24 tokens, length, seed \d+; first token after \d+ ms, prompt [\d.]+ tokens\/s, text [\d.]+ tokens\/s; on cpu \w+\n$/,
  )
  expect(out).not.toContain('tokens/s')
})

test('goes on past the context with attention sinks', async () => {
  const long = ['generate', 'Once upon a time', '--temperature', '0', '--max-tokens', '90', '--json']
  const completion = async (...flags: string[]) => {
    const { code, out, err } = await quern(...long, '--context', '64', ...flags)
    return code === 0 ? (JSON.parse(out).usage.completionTokens as number) : err
  }
  expect(await completion()).toBe(60)
  expect(await completion('--context-overflow', 'sink')).toBe(90)
  expect(await completion('--attention-sinks', '4,40')).toBe(90)
  expect(await completion('--attention-sinks', '4,61')).toContain('contextLength, 64')
  for (const wrong of ['4', '4,40,3', 'a,b', '4,', '-1,3'])
    expect(await completion('--attention-sinks', wrong)).toMatch(/attention-sinks.*whole number/)
})

test('an empty prompt is told before anything is loaded', async () => {
  expect(await quern('generate', '', '--model', '/absent')).toEqual({
    code: 1,
    out: '',
    err: 'error: there is no prompt: give one as an argument, or pipe one in (invalid_input)\n',
  })
})

test.each([
  [['--top-p', '2'], 2, 'topP: expected a number from 0 to 1, got 2 (invalid_option)'],
  [['--max-tokens', '0'], 2, 'maxTokens: expected a whole number from 1'],
  [['--max-tokens', 'many'], 2, 'expected a whole number'],
  [['--beams', '4'], 2, "unknown option '--beams'"],
  [['--device', 'tpu'], 2, '(invalid_option)'],
  [['--isa', 'mmx'], 2, '(invalid_option)'],
  [['--model', 'no/such/folder/at/all'], 1, '(missing_file)'],
])('says what is wrong with %j', async (flags, code, message) => {
  const result = await quern(...greedy, ...flags)
  expect(result).toMatchObject({ code, out: '' })
  expect(result.err).toContain(message)
})

test('takes the sampling options that are numbers, and an order', async () => {
  const flags = [
    '--typical-p',
    '0.9',
    '--top-n-sigma',
    '2',
    '--repetition-penalty',
    '1.2',
    '--seed',
    '3',
    '--json',
  ]
  const more = ['--frequency-penalty', '0.5', '--presence-penalty', '-0.5', '--max-tokens', '12']
  const { code, out } = await quern('generate', 'Once upon a time', '--temperature', '1', ...flags, ...more)
  const model = await load()
  const options = {
    temperature: 1,
    typicalP: 0.9,
    topNSigma: 2,
    repetitionPenalty: 1.2,
    seed: 3,
    maxTokens: 12,
  }
  const penalties = { frequencyPenalty: 0.5, presencePenalty: -0.5 }
  const { text } = await model.generate('Once upon a time', { ...options, ...penalties }).result()
  await model.close()
  expect([code, JSON.parse(out).text]).toEqual([0, text])
  const ordered = await quern(...greedy, '--samplers', 'topK,temperature')
  expect(ordered.code).toBe(0)
  const refused = await quern(...greedy, '--samplers', 'topK,beams')
  expect(refused.code).toBe(2)
  expect(refused.err).toContain('samplers: expected an array of')
})
