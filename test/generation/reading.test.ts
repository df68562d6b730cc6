// The ways to read a generation.
import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Generation, type GenerationEvent, load, type Model } from '../../lib/index.js'
import { expectCode } from '../model/expect-code.js'

const prompt = 'Once upon a time'
const options = { temperature: 0, maxTokens: 48 }

/** What every generation of several tokens says of its speed. */
const anyTimings = {
  queuedMs: expect.any(Number),
  firstTokenMs: expect.any(Number),
  prefillTokensPerSecond: expect.any(Number),
  decodeTokensPerSecond: expect.any(Number),
}

let model: Model
let whole: string
let tokens: number[]
beforeAll(async () => {
  model = await load()
  const result = await model.generate(prompt, options).result()
  whole = result.text
  tokens = [...result.tokens]
})
afterAll(() => model.close())

async function collect<T>(source: AsyncIterable<T>): Promise<T[]> {
  const items: T[] = []
  for await (const item of source) items.push(item)
  return items
}

describe('iterating', () => {
  it('gives the text in pieces, none of them empty', async () => {
    const pieces = await collect(model.generate(prompt, options))
    expect(pieces.length).toBeGreaterThan(10)
    expect(pieces).not.toContain('')
    expect(pieces.join('')).toBe(whole)
  })

  it('gives whole characters of a text of many bytes a character', async () => {
    const pieces = await collect(model.generate('从前有一只', { ...options, maxTokens: 96 }))
    expect(pieces.join('')).toMatch(/\p{Script=Han}/u)
    for (const piece of pieces.slice(0, -1)) expect(piece).not.toContain('\ufffd')
  })

  it('may begin long after the end', async () => {
    const generation = model.generate(prompt, options)
    await generation.result()
    expect((await collect(generation)).join('')).toBe(whole)
  })

  it('can be done once: by events, by text or by a stream', async () => {
    for (const first of ['events', 'iterator', 'stream'] as const) {
      const generation = model.generate(prompt, { ...options, maxTokens: 2 })
      if (first === 'events') await collect(generation.events())
      if (first === 'iterator') await collect(generation)
      if (first === 'stream') await collect(generation.toReadableStream())
      await expectCode(() => generation[Symbol.asyncIterator](), 'already_consumed')
      await expectCode(() => generation.events(), 'already_consumed')
      await expectCode(() => generation.toReadableStream(), 'already_consumed')
      expect((await generation.result()).tokens.length).toBe(2)
    }
  })
})

describe('events()', () => {
  it('gives deltas and one end', async () => {
    const events = await collect<GenerationEvent>(model.generate(prompt, { ...options, seed: 5 }).events())
    const end = events.pop()
    const texts = events.map((event) => (event.type === 'text-delta' ? event.text : ''))
    expect(texts.join('')).toBe(whole)
    const { tokens, text: _, ...rest } = await model.generate(prompt, { ...options, seed: 5 }).result()
    expect(events.flatMap((event) => (event.type === 'stream-end' ? [] : event.tokens))).toEqual([...tokens])
    expect(end).toEqual({ type: 'stream-end', ...rest, timings: anyTimings })
    // Prompt and answer were computed before: the same words, found in the cache or not.
    expect(rest.finishReason).toBe('length')
  })

  it('never gives empty text: tokens without text come as such', async () => {
    const { tokens: whole } = await model.generate(prompt, options).result()
    const stop = model.tokenizer.decode(whole.subarray(9, 12)) // held back until it is whole
    const generation = model.generate(prompt, { ...options, stop })
    const events = await collect<GenerationEvent>(generation.events())
    expect(events.filter((event) => 'text' in event && event.text === '')).toEqual([])
    expect(events.filter(({ type }) => type === 'tokens').length).toBeGreaterThan(1)
    const { tokens, text } = await generation.result()
    expect(events.map((event) => (event.type === 'text-delta' ? event.text : '')).join('')).toBe(text)
    expect(events.flatMap((event) => (event.type === 'stream-end' ? [] : event.tokens))).toEqual([...tokens])
  })
})

describe('result() and text()', () => {
  it('give everything', async () => {
    const generation = model.generate(prompt, { ...options, seed: 11 })
    expect(generation).toBeInstanceOf(Generation)
    const result = await generation.result()
    expect(result).toEqual({
      text: whole,
      reasoning: '',
      toolCalls: [],
      message: { role: 'assistant', content: whole },
      tokens: Int32Array.from(tokens),
      finishReason: 'length',
      usage: {
        promptTokens: model.tokenizer.count(prompt),
        cachedTokens: 0,
        completionTokens: 48,
        reasoningTokens: 0,
      },
      seed: 11,
      timings: anyTimings,
    })
    expect(model.tokenizer.decode(result.tokens)).toBe(whole)
    expect(await generation.result()).toBe(result)
    expect(await generation.text()).toBe(whole)
  })

  it('can be asked for while somebody iterates', async () => {
    const generation = model.generate(prompt, options)
    const [pieces, { text }] = await Promise.all([collect(generation), generation.result()])
    expect(pieces.join('')).toBe(whole)
    expect(text).toBe(whole)
  })

  it('have timings that fit the clock', async () => {
    // How much of what the clock shows they explain; one moment on a busy machine may be long for JavaScript alone.
    let share = 0
    for (let round = 0; round < 8 && share <= 0.5; round++) share = await shareOfTheClock()
    expect(share).toBeGreaterThan(0.5)
  })

  /** The part of a generation's time on the clock that its timings account for, never more than all of it. */
  async function shareOfTheClock(): Promise<number> {
    const count = 200
    const start = performance.now()
    const generation = model.generate(prompt, { ...options, maxTokens: count, ignoreEos: true })
    const events = generation.events()
    await events.next()
    const firstSeen = performance.now() - start
    for await (const _ of events);
    const { timings, tokens } = await generation.result()
    const elapsed = performance.now() - start
    expect(tokens.length).toBe(count)
    expect(timings.queuedMs).toBeGreaterThanOrEqual(0)
    expect(timings.firstTokenMs).toBeGreaterThan(timings.queuedMs)
    expect(timings.firstTokenMs).toBeLessThanOrEqual(firstSeen)
    // From the first token to the last: never more than the clock, and not less than what it shows but for the way to JavaScript.
    const decodeMs = ((count - 1) / timings.decodeTokensPerSecond) * 1e3
    expect(timings.firstTokenMs + decodeMs).toBeLessThanOrEqual(elapsed)
    return (timings.firstTokenMs + decodeMs) / elapsed
  }

  it('of one token have no decoding speed', async () => {
    const { timings } = await model.generate(prompt, { ...options, maxTokens: 1 }).result()
    expect(timings.decodeTokensPerSecond).toBe(0)
    expect(timings.prefillTokensPerSecond).toBeGreaterThan(0)
  })

  it('keep the stop token, which the text leaves out', async () => {
    const stop = model.tokenizer.encode(whole)[6] as number
    const { tokens, text, finishReason } = await model
      .generate(prompt, { ...options, stopTokens: [stop] })
      .result()
    expect(finishReason).toBe('stop')
    expect(tokens.at(-1)).toBe(stop)
    expect(text).toBe(model.tokenizer.decode(tokens.subarray(0, -1)))
  })
})

describe('toReadableStream()', () => {
  it('gives the text', async () => {
    const stream = model.generate(prompt, options).toReadableStream()
    expect(stream).toBeInstanceOf(ReadableStream)
    expect((await collect(stream)).join('')).toBe(whole)
  })

  it('can be the body of a response', async () => {
    const stream = model.generate(prompt, options).toReadableStream().pipeThrough(new TextEncoderStream())
    expect(await new Response(stream).text()).toBe(whole)
  })

  it('cancels the generation when it is cancelled', async () => {
    const generation = model.generate(prompt, { ...options, maxTokens: 1000, ignoreEos: true })
    const reader = generation.toReadableStream().getReader()
    expect((await reader.read()).value).toBeTypeOf('string')
    await reader.cancel()
    expect((await generation.result()).finishReason).toBe('cancelled')
  })

  it('errors with what ended the generation', async () => {
    const stream = model.generate({ tokens: [-1] }).toReadableStream()
    await expectCode(() => collect(stream), 'invalid_token')
  })
})

describe('a failure', () => {
  const unhandled: unknown[] = []
  const note = (reason: unknown) => unhandled.push(reason)
  beforeAll(() => void process.on('unhandledRejection', note))
  afterAll(() => void process.off('unhandledRejection', note))

  it('reaches who iterates, and causes no unhandledRejection', async () => {
    await expectCode(() => collect(model.generate({ tokens: [-1] })), 'invalid_token')
    await expectCode(() => collect(model.generate({ tokens: [-1] }).events()), 'invalid_token')
    const controller = new AbortController()
    const generation = model.generate(prompt, { ...options, maxTokens: 1000, signal: controller.signal })
    const iterating = collect(generation)
    controller.abort(new Error('enough'))
    await expect(iterating).rejects.toThrow('enough')
    await sleep(20)
    expect(unhandled).toEqual([])
  })

  it('that nobody looks at causes none either', async () => {
    model.generate({ tokens: [-1] })
    model.generate(prompt, { maxTokens: -1 })
    model.generate(prompt, { signal: AbortSignal.abort() }).toReadableStream()
    for (let i = 0; i < 5; i++) await turn()
    await sleep(20)
    expect(unhandled).toEqual([])
  })
})
