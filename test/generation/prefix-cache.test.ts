// Prompts that begin alike share the pages of what is alike: usage.cachedTokens says how much, and nothing else changes.
import { expect, test } from 'vitest'
import { load } from '../../lib/index.js'

const options = { maxTokens: 24, temperature: 0, ignoreEos: true }
const counting = (length: number, from = 0) => Array.from({ length }, (_, i) => (from + i * 7) % 500)

/** What a model of its own gives. */
async function cold(tokens: number[]) {
  const model = await load()
  const result = await model.generate({ tokens }, options).result()
  await model.close()
  return result
}

test('what was computed before is found, in pages of 16, but for the last token', async () => {
  const model = await load()
  const run = (tokens: number[]) => model.generate({ tokens }, options).result()
  const prompt = counting(100)
  const first = await run(prompt)
  expect(first.usage).toEqual({
    promptTokens: 100,
    cachedTokens: 0,
    completionTokens: 24,
    reasoningTokens: 0,
  })
  const again = await run(prompt)
  expect(again.usage.cachedTokens).toBe(96)
  expect(again.tokens).toEqual(first.tokens)

  const answered = [...prompt, ...first.tokens] // its last token was never computed
  const next = await run([...answered, ...counting(30, 3)])
  expect(next.usage.cachedTokens).toBe(Math.floor((answered.length - 1) / 16) * 16)
  expect(next.tokens).toEqual((await cold([...answered, ...counting(30, 3)])).tokens)

  const other = await run([...counting(50), ...counting(50, 1)])
  expect(other.usage.cachedTokens).toBe(48)
  expect(other.tokens).toEqual((await cold([...counting(50), ...counting(50, 1)])).tokens)

  const { kvCache } = model.stats()
  expect(kvCache.pagesInUse).toBe(0)
  expect(kvCache.pagesCached).toBeGreaterThan(6)
  await model.close()
})

test('equal prompts that arrive together are computed once', async () => {
  const model = await load()
  const prompt = counting(300)
  const generations = Array.from({ length: 6 }, () => model.generate({ tokens: prompt }, options))
  const results = await Promise.all(generations.map((generation) => generation.result()))
  expect(results.map(({ usage }) => usage.cachedTokens)).toEqual([0, 288, 288, 288, 288, 288])
  const { tokens } = await cold(prompt)
  for (const result of results) expect(result.tokens).toEqual(tokens)
  await model.close()
})

test('logits of all positions are all computed, those of the last one need not be', async () => {
  const model = await load()
  const prompt = counting(90)
  const all = await model.logits(prompt)
  const last = await model.logits(prompt, { positions: 'last' })
  const { vocab } = model.info.config
  expect(all.shape).toEqual([90, vocab])
  expect(last.data).toEqual(all.data.subarray(89 * vocab))
  expect(await model.logits(prompt)).toEqual(all)
  await model.close()
})
