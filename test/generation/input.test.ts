// What can be continued, and what is said about the rest.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type GenerateInput, load, type Model, Tokenizer } from '../../lib/index.js'
import { fixturePath } from '../golden.js'
import { expectCode } from '../model/expect-code.js'
import { expectPrompt } from '../promptly.js'

const greedy = { temperature: 0, maxTokens: 8 }

let model: Model
beforeAll(async () => {
  model = await load(undefined, { contextLength: 256 })
})
afterAll(() => model.close())

const generate = (input: unknown, from = model) => from.generate(input as GenerateInput, greedy).result()

describe('token ids', () => {
  it('come in any kind of array', async () => {
    const ids = [2078, 3498, 257, 774]
    const { tokens } = await generate({ tokens: ids })
    for (const same of [Int32Array.from(ids), Uint16Array.from(ids), Float64Array.from(ids)]) {
      expect((await generate({ tokens: same })).tokens).toEqual(tokens)
    }
    expect((await generate('Once upon a time')).tokens).toEqual(tokens)
  })

  it('are not changed by what happens to the array later', async () => {
    const ids = Int32Array.from([2078, 3498, 257, 774])
    const generation = model.generate({ tokens: ids }, greedy)
    ids.fill(0)
    expect((await generation.result()).tokens).toEqual((await generate('Once upon a time')).tokens)
  })

  it.each([[-1], [5120], [2 ** 31 - 1], [1.5], [Number.NaN], ['1'], [null], [2 ** 40]])(
    '%s is none',
    async (id) => {
      const error = await expectCode(() => generate({ tokens: [1, id] }), 'invalid_token')
      expect(error.message).toContain(String(id))
    },
  )

  it.each([[{}], [5], ['12'], [undefined], [{ length: 2 }]])('%o are none', async (tokens) => {
    await expectCode(() => generate({ tokens }), 'invalid_input')
  })
})

describe('an input', () => {
  it.each([[5], [null], [undefined], [{}], [true], [Symbol('s')], [() => {}]])(
    'cannot be %s',
    async (input) => {
      const error = await expectCode(() => generate(input), 'invalid_input')
      expect(error.value).toBe(input)
    },
  )

  it('cannot be empty', async () => {
    await expectCode(() => generate(''), 'invalid_input')
    await expectCode(() => generate({ tokens: [] }), 'invalid_input')
    await expectCode(() => model.logits([]), 'invalid_input')
  })

  it('can hold lone surrogates and zero bytes', async () => {
    for (const text of ['\ud800', 'a\udc00b', '\0', 'a\0b'])
      expect((await generate(text)).tokens.length).toBeGreaterThan(0)
  })
})

describe('what does not fit', () => {
  // Nobody is told to take a longer context where the model has none; ids that never reach the engine are told the same.
  it('into the context is told alike whoever finds out', async () => {
    await using whole = await load()
    const message =
      "the prompt has 2049 tokens, the context holds 2048: shorten the prompt, load the model with a larger contextLength where it allows one, or let it go on without an end by contextOverflow: 'sink'"
    const tokens = new Int32Array(2049).fill(5)
    expect((await expectCode(() => whole.logits(tokens), 'context_overflow')).message).toBe(message)
    const text = whole.tokenizer.decode(tokens)
    const ids = whole.tokenizer.encode(text).length
    const told = await expectCode(() => whole.generate(text).text(), 'context_overflow')
    expect(told.message).toBe(message.replace('2049', String(ids)))
  })

  it('into the context is an error with both numbers', async () => {
    const tokens = new Int32Array(257).fill(5)
    for (const call of [() => generate({ tokens }), () => model.logits(tokens)]) {
      const { message } = await expectCode(call, 'context_overflow')
      expect(message).toContain('257')
      expect(message).toContain('256: shorten the prompt, load the model with a larger contextLength')
    }
    const { tokens: made, finishReason } = await generate({ tokens: tokens.subarray(0, 255) })
    expect({ made: made.length, finishReason }).toEqual({ made: 1, finishReason: 'length' })
    expect((await model.logits(tokens.subarray(0, 256), { positions: 'last' })).shape).toEqual([1, 5120])
  })

  it('into the KV cache is an error with both numbers', async () => {
    const { bytes, pages } = model.stats().kvCache
    const small = await load(undefined, { kvCache: { maxBytes: (bytes / pages) * 3 } })
    expect(small.stats().kvCache.pages).toBe(3)
    const { message } = await expectCode(
      () => generate({ tokens: new Int32Array(49) }, small),
      'kv_cache_too_small',
    )
    expect(message).toContain('49')
    expect(message).toContain('48')
    const { tokens, finishReason } = await generate({ tokens: new Int32Array(44).fill(5) }, small)
    expect({ made: tokens.length, finishReason }).toEqual({ made: 4, finishReason: 'length' })
    await small.close()
  })

  it('of one page into the KV cache is an error of load()', async () => {
    const { message } = await expectCode(
      () => load(undefined, { kvCache: { maxBytes: 1000 } }),
      'kv_cache_too_small',
    )
    expect(message).toContain('1000')
  })
})

describe('a long text', () => {
  it('of a megabyte is encoded beside the event loop', async () => {
    const text = 'Once upon a time there was a fox. '.repeat(31_000)
    expect(text.length).toBeGreaterThan(1e6)
    const count = model.tokenizer.count(text)
    await expectPrompt(30, async () => {
      const start = performance.now()
      const generation = model.generate(text, greedy)
      const milliseconds = performance.now() - start
      const { message } = await expectCode(() => generation.result(), 'context_overflow')
      expect(message).toContain(String(count))
      return milliseconds
    })
  })

  it('gives the same as its ids', async () => {
    const large = await load(undefined, { precision: 'fast' })
    const text = 'a'.repeat(70_000) // one token for many letters would fit
    const ids = large.tokenizer.encode(text)
    const outcome = (input: GenerateInput) =>
      large
        .generate(input, greedy)
        .result()
        .then(
          ({ tokens }) => [...tokens],
          ({ message }) => message,
        )
    expect(await outcome(text)).toEqual(await outcome({ tokens: ids }))
    await large.close()
  })

  it('can be cancelled, aborted, or lose its model while it is encoded', async () => {
    const text = 'Once upon a time there was a fox. '.repeat(31_000)
    const generation = model.generate(text, greedy)
    generation.cancel()
    expect((await generation.result()).finishReason).toBe('cancelled')
    const controller = new AbortController()
    const aborted = model.generate(text, { ...greedy, signal: controller.signal })
    controller.abort('enough')
    await expect(aborted.result()).rejects.toBe('enough')
    const other = await load()
    const orphan = other.generate(text, greedy)
    await other.close()
    await expectCode(() => orphan.result(), 'closed')
  })
})

describe('a model without a tokenizer', () => {
  it('takes ids and gives ids', async () => {
    const bare = await load(undefined, { tokenizer: false })
    await expectCode(() => bare.tokenizer, 'no_tokenizer')
    await expectCode(() => generate('Once', bare), 'no_tokenizer')
    const { tokens, text } = await generate({ tokens: [2078, 3498, 257, 774] }, bare)
    expect(text).toBe('')
    expect(tokens).toEqual((await generate('Once upon a time')).tokens)
    await bare.close()
  })

  it('may be one whose folder has none', async () => {
    const bare = await load(fixturePath('models', 'qwen3-tied'))
    const { message } = await expectCode(() => generate('Once', bare), 'no_tokenizer')
    expect(message).toContain('qwen3-tied')
    await bare.close()
  })

  it('has one otherwise', () => {
    expect(model.tokenizer).toBeInstanceOf(Tokenizer)
  })
})
