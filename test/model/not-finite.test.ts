// Weights that hold NaN, or overflow: the requests that meet them hear of it, and the others go on.
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import {
  type GenerateOptions,
  load,
  type LoadOptions,
  type Model,
  samplingDistribution,
} from '../../lib/index.js'
import { lateLibrary } from '../late-library.js'
import { makeReranker } from '../tasks/reranker.js'
import { breakTensor, finalNorm, infinity, makeBroken, nan } from './broken-model.js'
import { expectCode } from './expect-code.js'
import { temporaryFolder } from './temporary.js'

const temporary = temporaryFolder()

const tokens = [11, 12, 13, 14, 15]
const devices = ['cpu', 'late'] as const

/** On the CPU, or on the device that is a step late, which stands for a GPU. */
async function loadOn(device: (typeof devices)[number], path: string, options?: LoadOptions): Promise<Model> {
  vi.stubEnv('QUERN_CUDA_LIBRARY', device === 'late' ? lateLibrary : '')
  const model = await load(path, { device: device === 'late' ? 'cuda' : 'cpu', ...options })
  vi.unstubAllEnvs()
  expect(model.info.device).toBe(device)
  return model
}

const chains: Record<string, GenerateOptions> = {
  greedy: { temperature: 0 },
  sampled: { temperature: 0.7, topP: 0.9, topK: 40 },
  'with penalties and biases': { temperature: 1, repetitionPenalty: 1.1, logitBias: { 5: 2, 6: -100 } },
  'with mirostat': { temperature: 1, mirostat: {} },
  'with dry': { temperature: 0, dry: { multiplier: 1 } },
  'with logprobs': { temperature: 1, logprobs: true, topLogprobs: 3 },
}

describe.each(devices)('a model without a finite score, on %s', (device) => {
  let model: Model
  beforeAll(async () => {
    model = await loadOn(device, makeBroken(temporary.join(`nan-${device}`), finalNorm, nan))
  })
  afterAll(() => model.close())

  it.each(Object.entries(chains))('generates nothing, %s', async (_, options) => {
    const said: string[] = []
    const error = await expectCode(async () => {
      for await (const piece of model.generate({ tokens }, { ...options, maxTokens: 8 })) said.push(piece)
    }, 'not_finite')
    expect(said).toEqual([])
    expect(error.message).toMatch(/^expected finite scores for the next token, got NaN .* position 5: /)
    expect(error.message).toMatch(/weights hold NaN.*dtype.*precision: 'exact'/)
  })

  it('scores, ranks and embeds nothing', async () => {
    const text = { tokens }
    const logprobs = await expectCode(() => model.score(text, { tokens: [16, 17] }), 'not_finite')
    expect(logprobs.message).toContain('token position 5')
    const perplexity = await expectCode(() => model.perplexity(text), 'not_finite')
    expect(perplexity.message).toContain('token position 1')
    const prompt = await expectCode(
      () => model.generate(text, { promptLogprobs: true, maxTokens: 1 }).result(),
      'not_finite',
    )
    expect(prompt.message).toContain('token position 1')
    const state = await expectCode(() => model.embed([text, { tokens: [1] }]), 'not_finite')
    expect(state.message).toMatch(/^texts\[\d\]: expected an embedding of finite numbers/)
  })

  it('gives raw logits as they are', async () => {
    const { data } = await model.logits(tokens, { positions: 'last' })
    expect(data.every(Number.isNaN)).toBe(true)
    await expectCode(() => samplingDistribution(data), 'not_finite')
    await expectCode(() => samplingDistribution(data, { temperature: 0 }), 'not_finite')
    await expectCode(() => samplingDistribution(data, { typicalP: 0.5 }), 'not_finite')
  })

  it('holds no pages afterwards', () => {
    expect(model.stats()).toMatchObject({ active: 0, queued: 0, kvCache: { pagesInUse: 0 } })
  })
})

it('ranks nothing without a finite score', async () => {
  const path = breakTensor(makeReranker(temporary.join('reranker')), finalNorm, nan)
  const model = await load(path, { device: 'cpu' })
  const error = await expectCode(() => model.rank('What?', ['That']), 'not_finite')
  expect(error.message).toMatch(/^documents\[0\]: expected log-probabilities/)
  await model.close()
})

it('overflow is told as NaN is', async () => {
  const model = await load(makeBroken(temporary.join('infinite'), finalNorm, infinity), { device: 'cpu' })
  for (const temperature of [0, 1])
    await expectCode(() => model.generate({ tokens }, { temperature }).text(), 'not_finite')
  await model.close()
})

describe.each(devices)('a model that breaks at one token, on %s', (device) => {
  const width = 256
  const bad = 77
  let model: Model
  beforeAll(async () => {
    const path = temporary.join(`one-${device}`)
    const name = 'model.embed_tokens.weight'
    model = await loadOn(device, makeBroken(path, name, nan, bad * width, (bad + 1) * width))
  })
  afterAll(() => model.close())

  it('goes on with the requests that do not meet it', async () => {
    const options = { maxTokens: 24, ignoreEos: true, seed: 3, logprobs: true } as const
    const ask = (prompt: number[], temperature: number) =>
      model.generate({ tokens: prompt }, { ...options, temperature }).result()
    const good = [tokens, [20, 21], [30]]
    const alone = []
    for (const [i, prompt] of good.entries()) alone.push(await ask(prompt, i % 2))
    const mixed = await Promise.allSettled([
      ...good.map((prompt, i) => ask(prompt, i % 2)),
      ...[0, 1].map((temperature) => ask([...tokens, bad], temperature)),
    ])
    for (const [i, one] of alone.entries()) {
      expect(one.tokens).not.toContain(bad)
      expect(mixed[i]).toMatchObject({ value: { tokens: one.tokens, logprobs: one.logprobs } })
    }
    for (const failed of mixed.slice(3)) expect(failed).toMatchObject({ reason: { code: 'not_finite' } })
  })

  it('has no log-probability after that token, and has those of a text without it', async () => {
    const score = () => model.score({ tokens }, { tokens: [9, 10] })
    const before = await score()
    await expectCode(() => model.perplexity({ tokens: [...tokens, bad, 9] }), 'not_finite')
    expect(await score()).toEqual(before)
  })

  it('leaves nothing in the memory that later requests have', async () => {
    const options = { maxTokens: 24, ignoreEos: true, temperature: 0 } as const
    const fresh = await load(undefined, { device: 'cpu' })
    for (let length = 1; length < 40; length += 3) {
      const rest = Array.from({ length }, (_, i) => 100 + i)
      await expectCode(
        () => model.generate({ tokens: [...rest, bad, ...rest] }, options).text(),
        'not_finite',
      )
      const prompt = { tokens: rest.map((token) => token + 7 * length) }
      const [after, wanted] = [
        await model.generate(prompt, options).result(),
        await fresh.generate(prompt, options).result(),
      ]
      expect(after.tokens).toEqual(wanted.tokens)
    }
    await fresh.close()
  })
})
