import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type ChatMessage, load, type Model } from '../../lib/index.js'

const greedy = { temperature: 0, maxTokens: 16, ignoreEos: true }
const truncate = { ...greedy, contextOverflow: 'truncate' as const }
const turn = (i: number, words = 40): ChatMessage[] => [
  { role: 'user', content: `Question ${i}: ${'tell me more '.repeat(words / 4)}` },
  { role: 'assistant', content: `Answer ${i}: ${'of course it is so '.repeat(words / 4)}` },
]
const system: ChatMessage = { role: 'system', content: 'You are kind.' }
const last: ChatMessage = { role: 'user', content: 'And what now?' }

describe('contextOverflow', () => {
  let model: Model
  beforeAll(async () => {
    model = await load(undefined, { contextLength: 512 })
  })
  afterAll(() => model.close())
  const count = (messages: ChatMessage[]) =>
    model.tokenizer.encode(model.chatTemplate.render(messages, { addGenerationPrompt: true }), {
      addSpecialTokens: false,
    }).length

  test('an error unless asked otherwise, and nothing to say where all fits', async () => {
    const long = [system, ...Array.from({ length: 20 }, (_, i) => turn(i)).flat(), last]
    expect(count(long)).toBeGreaterThan(512)
    for (const options of [greedy, { ...greedy, contextOverflow: 'error' as const }])
      await expect(model.chat(long, options).text()).rejects.toMatchObject({ code: 'context_overflow' })
    const result = await model.chat([system, ...turn(1), last], truncate).result()
    expect(result).not.toHaveProperty('dropped')
  })

  test.each([5, 9, 20, 60])('drops the oldest of %i turns', async (turns) => {
    const history = Array.from({ length: turns }, (_, i) => turn(i, 20 + ((i * 37) % 60)))
    const messages = [system, ...history.flat(), last]
    const result = await model.chat(messages, truncate).result()
    const dropped = result.dropped?.turns ?? 0
    expect(result.dropped?.messages ?? 0).toBe(2 * dropped)
    const kept = [system, ...history.slice(dropped).flat(), last]
    expect(result.usage.promptTokens).toBe(count(kept))
    expect(count(kept)).toBeLessThanOrEqual(512 - 16)
    if (dropped > 0) expect(count(messages)).toBeGreaterThan(512 - 16)
    expect(result.text).toBe(await model.chat(kept, greedy).text())
    expect(count(kept)).toBeGreaterThan(count(messages) > 512 ? 512 * 0.4 : 0)
  })

  test('a growing conversation drops the same turns for a while', async () => {
    const history = Array.from({ length: 40 }, (_, i) => turn(i, 16))
    const dropped: number[] = []
    for (let turns = 20; turns < 40; turns++) {
      const messages = [system, ...history.slice(0, turns).flat(), last]
      dropped.push((await model.chat(messages, { ...truncate, maxTokens: 1 }).result()).dropped?.turns ?? 0)
    }
    expect(dropped).toEqual([...dropped].sort((a, b) => a - b))
    expect(new Set(dropped).size).toBeLessThan(12)
  })

  test('keeps every system message and the whole last turn, tools and all', async () => {
    const messages: ChatMessage[] = [
      system,
      ...Array.from({ length: 30 }, (_, i) => turn(i)).flat(),
      { role: 'system', content: 'Be short.' },
      last,
      { role: 'assistant', content: '', tool_calls: [{ function: { name: 'now', arguments: {} } }] },
      { role: 'tool', content: 'Noon.' },
    ]
    const { usage, dropped } = await model.chat(messages, truncate).result()
    const kept = messages.filter((m, i) => m.role === 'system' || i > 2 * (dropped?.turns ?? 0))
    expect(dropped?.messages).toBe(messages.length - kept.length)
    expect(kept.slice(-4)).toEqual(messages.slice(-4))
    expect(usage.promptTokens).toBe(count(kept))
  })

  test('room for the answer: maxTokens, or a quarter', async () => {
    const messages = [system, ...Array.from({ length: 20 }, (_, i) => turn(i)).flat(), last]
    const roomy = await model.chat(messages, { ...truncate, maxTokens: 200 }).result()
    expect(roomy.usage.promptTokens).toBeLessThanOrEqual(512 - 200)
    expect(roomy.usage.completionTokens).toBe(200)
    const { maxTokens: _, ...unlimited } = truncate
    const open = await model.chat(messages, { ...unlimited, stop: ' ' }).result()
    expect(open.usage.promptTokens).toBeLessThanOrEqual(512 - 128)
    expect(open.usage.promptTokens).toBeGreaterThan(512 - 256)
  })

  test('a last turn that does not fit is an error with both numbers', async () => {
    const huge: ChatMessage = { role: 'user', content: 'word '.repeat(1000) }
    const tokens = count([system, huge])
    await expect(model.chat([system, ...turn(1), huge], truncate).text()).rejects.toMatchObject({
      code: 'context_overflow',
      value: tokens,
      message: expect.stringMatching(new RegExp(`${tokens} tokens.*512`)),
    })
  })

  test('the capacity of a small KV cache counts too', async () => {
    const { bytes, pages } = model.stats().kvCache
    const small = await load(undefined, { kvCache: { maxBytes: (bytes / pages) * 10 } })
    const messages = [system, ...Array.from({ length: 10 }, (_, i) => turn(i)).flat(), last]
    const { usage } = await small.chat(messages, truncate).result()
    expect(usage.promptTokens).toBeLessThanOrEqual(160 - 16)
    await small.close()
  })

  test('is for messages only', async () => {
    for (const input of ['text', { tokens: [1, 2] }])
      await expect(model.generate(input, truncate).text()).rejects.toMatchObject({ code: 'invalid_option' })
    for (const [choice, code] of Object.entries({ sink: 'unsupported_option', cut: 'invalid_option' })) {
      const reply = model.chat('Hi', { contextOverflow: choice as never })
      await expect(reply.text()).rejects.toMatchObject({ code })
    }
    expect(await model.generate('Once', { ...greedy, contextOverflow: 'error' }).text()).not.toBe('')
  })
})
