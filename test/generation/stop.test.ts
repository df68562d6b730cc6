// Stop strings: the text ends before the first of them, and nothing of it comes out, whatever the tokens are cut like.
import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { load, type Model } from '../../lib/index.js'

const prompt = 'Once upon a time'
const greedy = { temperature: 0, maxTokens: 60, ignoreEos: true }

let model: Model
let story: string
beforeAll(async () => {
  model = await load(undefined, { precision: 'exact' })
  story = await model.generate(prompt, greedy).text()
})
afterAll(() => model.close())

test('any part of what would come stops it there', async () => {
  await fc.assert(
    fc.asyncProperty(fc.nat(story.length - 1), fc.integer({ min: 1, max: 12 }), async (at, length) => {
      const stop = story.slice(at, at + length)
      let streamed = ''
      const generation = model.generate(prompt, { ...greedy, stop })
      for await (const text of generation) streamed += text
      const { text, finishReason } = await generation.result()
      expect(text).toBe(story.slice(0, story.indexOf(stop)))
      expect(streamed).toBe(text)
      expect(finishReason).toBe('stop')
    }),
    { numRuns: 40, seed: 5 },
  )
})

test('of several the first counts, and the result says which it was', async () => {
  const stops = [story.slice(40, 44), 'not there at all', story.slice(20, 23)]
  const [first = ''] = stops
    .filter((text) => story.includes(text))
    .sort((a, b) => story.indexOf(a) - story.indexOf(b))
  const { text, stop } = await model.generate(prompt, { ...greedy, stop: stops }).result()
  expect(text).toBe(story.slice(0, story.indexOf(first)))
  expect(stop).toBe(first)
})

test('a text that ends otherwise was ended by no stop string', async () => {
  const other = ['not there at all', story.slice(-5)]
  const short = await model.generate(prompt, { ...greedy, maxTokens: 5, stop: other }).result()
  expect(short).toMatchObject({ finishReason: 'length' })
  expect(short).not.toHaveProperty('stop')
  const whole = await model.chat('Hello', { temperature: 0, stop: other }).result()
  expect(whole).toMatchObject({ finishReason: 'stop' })
  expect(whole).not.toHaveProperty('stop')
})

test('a beginning that was kept back comes out where the tokens end', async () => {
  const { text, finishReason } = await model
    .generate(prompt, { ...greedy, stop: `${story.slice(-5)}!` })
    .result()
  expect(text).toBe(story)
  expect(finishReason).toBe('length')
})

test('the tokens hold the one that completed the stop string', async () => {
  const { tokens, text } = await model.generate(prompt, { ...greedy, stop: story.slice(30, 33) }).result()
  const decoded = model.tokenizer.decode(tokens)
  expect(decoded.startsWith(text)).toBe(true)
  expect(decoded).toContain(story.slice(30, 33))
  expect(story.startsWith(decoded)).toBe(true)
})

test('characters of several bytes', async () => {
  const chinese = [{ role: 'user' as const, content: '讲一个小故事。' }]
  const whole = await model.chat(chinese, { temperature: 0, maxTokens: 40 }).text()
  const stop = [...whole].slice(9, 11).join('')
  expect(await model.chat(chinese, { temperature: 0, maxTokens: 40, stop }).text()).toBe(
    whole.slice(0, whole.indexOf(stop)),
  )
})

test('without a tokenizer there is no text to stop', async () => {
  const bare = await load(undefined, { tokenizer: false })
  await expect(bare.generate({ tokens: [1, 2] }, { stop: 'a' }).result()).rejects.toMatchObject({
    code: 'no_tokenizer',
  })
  await bare.close()
})
