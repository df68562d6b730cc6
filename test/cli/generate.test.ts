import { expect, test } from 'vitest'
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
  expect(usage).toEqual({ promptTokens: 4, cachedTokens: 0, completionTokens: 24 })
  expect(tokens).toHaveLength(24)
  expect(text).toContain('playful boy')
})

test('tells speed on standard error with --stats', async () => {
  const { out, err } = await quern(...greedy, '--stats')
  expect(err).toMatch(
    /^4 \+ 24 tokens, length, seed \d+; first token after \d+ ms, prompt [\d.]+ tokens\/s, text [\d.]+ tokens\/s\n$/,
  )
  expect(out).not.toContain('tokens/s')
})

test.each([
  [['--top-p', '2'], 2, 'topP: expected a number from 0 to 1, got 2 (invalid_option)'],
  [['--max-tokens', '0'], 2, 'maxTokens: expected a whole number from 1'],
  [['--max-tokens', 'many'], 2, 'expected a whole number'],
  [['--beams', '4'], 2, "unknown option '--beams'"],
  [['--device', 'cuda'], 2, '(unsupported_option)'],
  [['--isa', 'mmx'], 2, '(invalid_option)'],
  [['--model', 'no/such/folder/at/all'], 1, '(missing_file)'],
])('says what is wrong with %j', async (flags, code, message) => {
  const result = await quern(...greedy, ...flags)
  expect(result).toMatchObject({ code, out: '' })
  expect(result.err).toContain(message)
})
