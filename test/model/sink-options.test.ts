// What load() and requests may be told of sequences without an end.
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type LoadOptions, load, type Model } from '../../lib/index.js'
import { fixturePath, goldenPath, goldensPresent, readJson, requireGoldens } from '../golden.js'
import { expectCode } from './expect-code.js'

requireGoldens()
const fixture = fixturePath('models', 'qwen3-tied')
const greedy = { temperature: 0, ignoreEos: true } as const
const text = { tokens: Int32Array.from({ length: 100 }, (_, i) => i + 3) }

describe('load', () => {
  test.each([
    4,
    null,
    [],
    'sinks',
    {},
    { sinks: 4 },
    { window: 60 },
    { sinks: 4, window: undefined },
    { sinks: -1, window: 60 },
    { sinks: 4, window: 0 },
    { sinks: 4.5, window: 60 },
    { sinks: 4, window: Number.NaN },
    { sinks: '4', window: 60 },
    { sinks: 4, window: 60n },
    { sinks: 4, window: 60, recent: 3 },
    { sinks: 2 ** 40, window: 60 },
    { sinks: 4, window: Number.POSITIVE_INFINITY },
    { sinks: 4, window: 4093 },
    { sinks: 4096, window: 1 },
  ])('refuses attentionSinks: %o', async (attentionSinks) => {
    const options = { attentionSinks } as unknown as LoadOptions
    const { message } = await expectCode(() => load(fixture, options), 'invalid_option')
    expect(message).toContain('attentionSinks')
  })

  test('refuses what the context does not hold', async () => {
    const given = { contextLength: 63, attentionSinks: { sinks: 4, window: 60 } }
    expect((await expectCode(() => load(fixture, given), 'invalid_option')).message).toContain('63')
    const sink = { contextLength: 4, contextOverflow: 'sink' } as const
    expect((await expectCode(() => load(fixture, sink), 'invalid_option')).message).toContain('contextLength')
  })

  test('refuses sinks beside an error, and overflows that it does not know', async () => {
    const both = { contextOverflow: 'error', attentionSinks: { sinks: 4, window: 60 } } as const
    await expectCode(() => load(fixture, both), 'invalid_option')
    for (const contextOverflow of ['truncate', 'rotate', true, null])
      await expectCode(() => load(fixture, { contextOverflow } as never), 'invalid_option')
  })

  test('has 4 sinks and the rest of the context by default', async () => {
    const model = await load(fixture, { contextOverflow: 'sink', contextLength: 64 })
    expect(model.info.attentionSinks).toEqual({ sinks: 4, window: 60 })
    const { tokens } = await model.generate(text, { ...greedy, maxTokens: 100 }).result()
    expect(tokens.length).toBe(100)
    await model.close()
  })

  test('is as ever with an error', async () => {
    const model = await load(fixture, { contextOverflow: 'error', contextLength: 64 })
    expect(model.info.attentionSinks).toBeUndefined()
    expect(model.info.longestSequence).toBe(64)
    await expectCode(() => model.generate(text).result(), 'context_overflow')
    await model.close()
  })

  test('refuses a cache that does not hold them', async () => {
    const options = { contextOverflow: 'sink', kvCache: { maxBytes: 20_000 } } as const
    const { message } = await expectCode(() => load(fixture, options), 'kv_cache_too_small')
    expect(message).toContain('window')
  })

  test.runIf(goldensPresent).each(['mistral-window', 'phi3-window', 'qwen3-mixed-window'])(
    'refuses %s, which has windows',
    async (name) => {
      const path = goldenPath('models', name)
      const { message } = await expectCode(
        () => load(path, { contextOverflow: 'sink' }),
        'unsupported_option',
      )
      expect(message).toMatch(/see \d+ tokens as it was trained/)
    },
  )

  test
    .runIf(goldensPresent)
    .each(['alibi', 'rope-plus-alibi', 'phi3-partial-rotary', 'phi3-longrope', 'qwen3-rope-dynamic'])(
    'lets %s go on',
    async (name) => {
      const attentionSinks = { sinks: 4, window: 40 }
      const model = await load(goldenPath('models', name), { attentionSinks })
      const first = await model.generate(text, { ...greedy, maxTokens: 300 }).result()
      expect(first.tokens.length).toBe(300)
      const all = Int32Array.from([...text.tokens, ...first.tokens])
      const half = await model
        .generate({ tokens: all.subarray(0, 200) }, { ...greedy, maxTokens: 200 })
        .result()
      expect([...half.tokens]).toEqual([...all.subarray(200)])
      await model.close()
    },
  )
})

test.runIf(goldensPresent)(
  'what crosses the length that longrope turns at is computed anew, and goes on',
  async () => {
    const path = goldenPath('models', 'phi3-longrope')
    const turning = readJson<{ original_max_position_embeddings: number }>(
      join(path, 'config.json'),
    ).original_max_position_embeddings
    const model = await load(path, { attentionSinks: { sinks: 4, window: turning + 20 } })
    const begin = text.tokens.slice(0, 20)
    const { tokens } = await model.generate({ tokens: begin }, { ...greedy, maxTokens: 3 * turning }).result()
    expect(tokens.length).toBe(3 * turning)
    const all = Int32Array.from([...begin, ...tokens])
    const half = all.subarray(0, 2 * turning)
    const rest = await model.generate({ tokens: half }, { ...greedy, maxTokens: turning }).result()
    expect([...rest.tokens]).toEqual([...all.subarray(2 * turning, 3 * turning)])
    await model.close()
  },
)

describe('requests', () => {
  let model: Model
  beforeAll(async () => {
    model = await load(undefined, { contextLength: 64, attentionSinks: { sinks: 4, window: 40 } })
  })
  afterAll(() => model.close())
  const messages = Array.from({ length: 9 }, (_, i) => ({
    role: i % 2 === 0 ? ('user' as const) : ('assistant' as const),
    content: 'A fox runs over the hill.',
  }))

  test("may say 'sink', which they mean without a word", async () => {
    for (const contextOverflow of [undefined, 'sink'] as const) {
      const { usage, finishReason } = await model
        .chat(messages, { ...greedy, contextOverflow, maxTokens: 90 })
        .result()
      expect(usage.promptTokens).toBeGreaterThan(64)
      expect(usage.completionTokens).toBe(90)
      expect(finishReason).toBe('length')
    }
  })

  test("stay within the context with 'error' and 'truncate'", async () => {
    await expectCode(() => model.chat(messages, { contextOverflow: 'error' }).result(), 'context_overflow')
    await expectCode(() => model.generate(text, { contextOverflow: 'error' }).result(), 'context_overflow')
    const cut = await model.chat(messages, { ...greedy, contextOverflow: 'truncate' }).result()
    expect(cut.dropped?.turns).toBeGreaterThan(0)
    expect(cut.usage.promptTokens + cut.usage.completionTokens).toBe(64)
    const short = await model.generate('A fox', { ...greedy, contextOverflow: 'error' }).result()
    expect(short.usage.promptTokens + short.usage.completionTokens).toBe(64)
  })

  test('of other kinds read what is longer than the context', async () => {
    expect((await model.embed(text)).length).toBe(model.info.config.hidden)
    expect((await model.logits(text.tokens)).shape[0]).toBe(100)
    const { tokens } = await model.perplexity(text)
    expect(tokens).toBe(99)
  })

  test("of a model without sinks may not say 'sink'", async () => {
    const plain = await load(fixture)
    const { message } = await expectCode(
      () => plain.generate(text, { contextOverflow: 'sink' }).result(),
      'unsupported_option',
    )
    expect(message).toContain("load(source, { contextOverflow: 'sink' })")
    await plain.close()
  })
})
