// Ending a generation early.
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { load, type Model } from '../../lib/index.js'
import { eventually } from '../eventually.js'
import { expectPrompt } from '../promptly.js'

const prompt = 'Once upon a time'
const long = { temperature: 0, maxTokens: 1000, ignoreEos: true }

let model: Model
let greedy: number[]
beforeAll(async () => {
  model = await load()
  greedy = [...(await model.generate(prompt, long).result()).tokens]
})
afterAll(() => model.close())

const idle = () => {
  const { active, queued, kvCache } = model.stats()
  return active === 0 && queued === 0 && kvCache.pagesInUse === 0
}

describe('an iterator', () => {
  it.each(['return', 'throw'] as const)('that is left by %s() before its first step cancels', async (way) => {
    for (const read of ['events', 'text'] as const) {
      const generation = model.generate(prompt, long)
      const iterator = read === 'events' ? generation.events() : generation[Symbol.asyncIterator]()
      const reason = new Error('mine')
      if (way === 'return') await iterator.return()
      else await expect(iterator.throw(reason)).rejects.toBe(reason)
      expect((await generation.result()).finishReason).toBe('cancelled')
    }
    await eventually(idle, 'the engine is idle')
  })
})

describe('cancel()', () => {
  it('settles at once, and the engine follows', async () => {
    await expectPrompt(20, async () => {
      const generation = model.generate(prompt, long)
      const iterator = generation[Symbol.asyncIterator]()
      await iterator.next()
      const start = performance.now()
      generation.cancel()
      const result = await generation.result()
      const milliseconds = performance.now() - start
      expect(result.finishReason).toBe('cancelled')
      expect(result.tokens.length).toBeGreaterThan(0)
      expect([...result.tokens]).toEqual(greedy.slice(0, result.tokens.length))
      expect(result.text).toBe(model.tokenizer.decode(result.tokens, { skipSpecialTokens: true }))
      expect(result.usage.completionTokens).toBe(result.tokens.length)
      return milliseconds
    })
    await eventually(idle, 'the engine is idle')
  })

  it('leaves readable what has come', async () => {
    const generation = model.generate(prompt, long)
    await eventually(() => model.stats().kvCache.pagesInUse > 4, '64 tokens')
    await sleep(5)
    generation.cancel()
    const { text } = await generation.result()
    let read = ''
    for await (const piece of generation) read += piece
    expect(read).toBe(text)
    expect(read).not.toBe('')
  })

  it('before the first token gives nothing', async () => {
    const generation = model.generate(prompt, long)
    generation.cancel()
    const { text, tokens, finishReason, timings, usage } = await generation.result()
    expect({ text, tokens: [...tokens], finishReason }).toEqual({
      text: '',
      tokens: [],
      finishReason: 'cancelled',
    })
    expect(timings).toMatchObject({ prefillTokensPerSecond: 0, decodeTokensPerSecond: 0 })
    expect(usage).toEqual({
      promptTokens: model.tokenizer.count(prompt),
      cachedTokens: 0,
      completionTokens: 0,
      reasoningTokens: 0,
    })
  })

  it('wakes a waiting reader', async () => {
    const generation = model.generate(prompt, long)
    let pieces = 0
    const reading = (async () => {
      for await (const _ of generation) pieces++
    })()
    await eventually(() => pieces > 0, 'a piece')
    generation.cancel()
    await reading
    expect((await generation.result()).finishReason).toBe('cancelled')
  })

  it('after the end, or twice, has no effect', async () => {
    const generation = model.generate(prompt, { temperature: 0, maxTokens: 3 })
    const result = await generation.result()
    generation.cancel()
    expect((await generation.result()).finishReason).toBe('length')
    expect(await generation.result()).toBe(result)
    const other = model.generate(prompt, long)
    other.cancel()
    other.cancel()
    expect((await other.result()).finishReason).toBe('cancelled')
  })

  it('of one leaves the others alone', async () => {
    const doomed = Array.from({ length: 6 }, () => model.generate(prompt, long))
    const kept = model.generate(prompt, { ...long, maxTokens: 300 }).result()
    for (const generation of doomed) {
      await sleep(2)
      generation.cancel()
    }
    expect([...(await kept).tokens]).toEqual(greedy.slice(0, 300))
    await eventually(idle, 'the engine is idle')
  })
})

describe('leaving a loop', () => {
  it('by break cancels', async () => {
    const generation = model.generate(prompt, long)
    for await (const _ of generation) break
    expect((await generation.result()).finishReason).toBe('cancelled')
    await eventually(idle, 'the engine is idle')
  })

  it('by a throw cancels', async () => {
    const generation = model.generate(prompt, long)
    const reading = (async () => {
      for await (const event of generation.events()) throw new Error(event.type)
    })()
    await expect(reading).rejects.toThrow('text-delta')
    expect((await generation.result()).finishReason).toBe('cancelled')
    await eventually(idle, 'the engine is idle')
  })
})

describe('an AbortSignal', () => {
  it('already aborted rejects with its reason and computes nothing', async () => {
    const reason = { why: 'too late' }
    const generation = model.generate(prompt, { ...long, signal: AbortSignal.abort(reason) })
    await expect(generation.result()).rejects.toBe(reason)
    await expect(generation.text()).rejects.toBe(reason)
    expect(idle()).toBe(true)
  })

  it('aborted midway rejects readers with its reason, after what has come', async () => {
    const controller = new AbortController()
    const generation = model.generate(prompt, { ...long, signal: controller.signal })
    const reason = new Error('the user left')
    let read = ''
    const reading = (async () => {
      for await (const piece of generation) {
        read += piece
        controller.abort(reason)
      }
    })()
    await expect(reading).rejects.toBe(reason)
    await expect(generation.result()).rejects.toBe(reason)
    expect(read).not.toBe('')
    expect(model.tokenizer.decode(greedy, { skipSpecialTokens: true }).startsWith(read)).toBe(true)
    await eventually(idle, 'the engine is idle')
  })

  it('has an AbortError without a reason, and a TimeoutError in time', async () => {
    const controller = new AbortController()
    const aborted = model.generate(prompt, { ...long, signal: controller.signal }).result()
    controller.abort()
    await expect(aborted).rejects.toMatchObject({ name: 'AbortError' })
    const late = model.generate(prompt, { ...long, signal: AbortSignal.timeout(20) }).result()
    await expect(late).rejects.toMatchObject({ name: 'TimeoutError' })
  })

  it('aborted after the end has no effect', async () => {
    const controller = new AbortController()
    const generation = model.generate(prompt, { temperature: 0, maxTokens: 3, signal: controller.signal })
    const result = await generation.result()
    controller.abort()
    expect(await generation.result()).toBe(result)
  })

  it('can end many', async () => {
    const controller = new AbortController()
    const { signal } = controller
    const results = Array.from({ length: 20 }, () => model.generate(prompt, { ...long, signal }).result())
    await sleep(20)
    controller.abort('all')
    expect(await Promise.allSettled(results)).toEqual(
      results.map(() => ({ status: 'rejected', reason: 'all' })),
    )
    await eventually(idle, 'the engine is idle')
  })
})

describe('the end of the context', () => {
  it('ends a generation as too long', async () => {
    const small = await load(undefined, { contextLength: 40 })
    const { tokens, finishReason, usage } = await small.generate(prompt, { ...long }).result()
    expect(finishReason).toBe('length')
    expect(usage.promptTokens + tokens.length).toBe(40)
    expect([...tokens]).toEqual(greedy.slice(0, tokens.length))
    await small.close()
  })
})
