// What generate() draws, token for token, against samplingDistribution() and the draws that a seed gives.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  type GenerateOptions,
  type GenerationResult,
  load,
  type Model,
  type SamplingOptions,
  samplingDistribution,
} from '../../lib/index.js'
import { expectCode } from '../model/expect-code.js'
import { uniformDraw } from './philox.js'

let model: Model
beforeAll(async () => {
  model = await load(undefined, { precision: 'exact' })
})
afterAll(() => model.close())

const text = 'Once upon a time, there was a little dog. The little dog'
const off = { temperature: 1, topK: 0, topP: 1, minP: 0 }

const cases: [string, SamplingOptions][] = [
  ['temperature', { ...off, temperature: 1.3 }],
  ['the common filters', { temperature: 0.9, topK: 30, topP: 0.9, minP: 0.01 }],
  ['typicalP', { ...off, typicalP: 0.7 }],
  ['topNSigma', { ...off, topNSigma: 1.2, temperature: 2 }],
  ['penalties', { ...off, repetitionPenalty: 1.4, frequencyPenalty: 0.7, presencePenalty: 0.4 }],
  ['penalties, greedily', { temperature: 0, repetitionPenalty: 1.2, presencePenalty: 1 }],
  ['logitBias', { ...off, logitBias: { 261: 4, 262: -100, 299: -2 } }],
  ['dry', { ...off, temperature: 0.7, dry: { multiplier: 2, allowedLength: 1, breakers: [[11]] } }],
  ['xtc', { ...off, xtc: { probability: 0.5, threshold: 0.05 } }],
  ['mirostat 1', { temperature: 1, mirostat: { version: 1, tau: 3, eta: 0.3 } }],
  ['mirostat 2', { temperature: 1.2, mirostat: { tau: 3, eta: 0.3 } }],
  [
    'a given order',
    { ...off, temperature: 0.7, topK: 40, typicalP: 0.9, samplers: ['topK', 'typicalP', 'temperature'] },
  ],
  [
    'everything',
    {
      temperature: 1.1,
      topK: 200,
      topP: 0.97,
      minP: 0.001,
      typicalP: 0.95,
      topNSigma: 3,
      repetitionPenalty: 1.1,
      frequencyPenalty: 0.2,
      presencePenalty: 0.1,
      logitBias: { 5: 3, 7: -100 },
      dry: { multiplier: 0.8 },
      xtc: { probability: 0.3, threshold: 0.1 },
      mirostat: { version: 2, tau: 4, eta: 0.2 },
    },
  ],
]

/** Each token must be the one at which the cumulative distribution passes the seed's draw. */
async function follow(options: SamplingOptions, { tokens, seed }: GenerationResult): Promise<void> {
  const prompt = model.tokenizer.encode(text)
  const { data, shape } = await model.logits([...prompt, ...tokens])
  const vocab = shape[1]
  const { tau = 5, eta = 0.1, version = 2 } = options.mirostat ?? {}
  let mu = 2 * tau
  tokens.forEach((token, index) => {
    const row = (prompt.length - 1 + index) * vocab
    const logits = data.slice(row, row + vocab)
    const happens = options.xtc && uniformDraw(seed, index, 1) <= options.xtc.probability
    const now = {
      ...options,
      ...(options.xtc && { xtc: { ...options.xtc, probability: happens ? 1 : 0 } }),
      ...(options.mirostat && { mirostat: { ...options.mirostat, mu } }),
    }
    const context = { prompt, generated: tokens.slice(0, index), tokenizer: model.tokenizer }
    const probabilities = samplingDistribution(logits, now, context)
    const before = probabilities.slice(0, token).reduce((sum, p) => sum + p, 0)
    const p = probabilities[token] as number
    const draw = uniformDraw(seed, index)
    const label = `token ${index} of seed ${seed}: ${before} to ${before + p} holds ${draw}`
    expect(p, label).toBeGreaterThan(0)
    expect(before, label).toBeLessThan(draw + 1e-5)
    expect(before + p, label).toBeGreaterThan(draw - 1e-5)
    const plain = samplingDistribution(logits, { temperature: options.temperature as number })
    const surprise = -Math.log2(version === 1 ? (plain[token] as number) : p)
    mu -= eta * (surprise - tau)
  })
}

describe('the tokens are those of the distribution', () => {
  it.each(cases)('%s', async (_, options) => {
    const seeds = [1, 2 ** 40 + 3]
    const results = await Promise.all(
      seeds.map((seed) =>
        model.generate(text, { ...options, seed, maxTokens: 40, ignoreEos: true }).result(),
      ),
    )
    for (const result of results) {
      expect(result.tokens.length).toBe(40)
      await follow(options, result)
    }
  })

  it('in a batch, and with pages taken away, as alone', async () => {
    const requests = cases.flatMap(([, options]) =>
      [1, 2].map(
        (seed): GenerateOptions => ({ ...options, seed, maxTokens: 100, ignoreEos: true, logprobs: true }),
      ),
    )
    const alone: GenerationResult[] = []
    for (const options of requests) alone.push(await model.generate(text, options).result())
    const { bytes, pages } = model.stats().kvCache
    // Pages for about four of them at their full length.
    const maxBytes = Math.ceil((bytes / pages) * 4 * 8)
    const small = await load(undefined, { precision: 'exact', kvCache: { maxBytes } })
    const together = await Promise.all(requests.map((options) => small.generate(text, options).result()))
    await small.close()
    together.forEach((result, i) => {
      expect(result.tokens).toEqual(alone[i]?.tokens)
      expect(result.logprobs).toEqual(alone[i]?.logprobs)
    })
  })
})

describe('logprobs', () => {
  it('are those of the raw logits', async () => {
    const options = {
      temperature: 2,
      topK: 5,
      repetitionPenalty: 1.5,
      seed: 4,
      maxTokens: 20,
      ignoreEos: true,
    }
    const { tokens, logprobs } = await model
      .generate(text, { ...options, logprobs: true, topLogprobs: 3 })
      .result()
    expect(tokens).toEqual((await model.generate(text, options).result()).tokens)
    expect(logprobs?.map(({ id }) => id)).toEqual([...tokens])
    const prompt = model.tokenizer.encode(text)
    const { data, shape } = await model.logits([...prompt, ...tokens])
    logprobs?.forEach(({ id, token, logprob, top }, index) => {
      const row = (prompt.length - 1 + index) * shape[1]
      const logits = data.slice(row, row + shape[1])
      const sum = Math.log(logits.reduce((total, logit) => total + Math.exp(logit), 0))
      expect(token).toBe(model.tokenizer.decode([id]))
      expect(logprob).toBeCloseTo((logits[id] as number) - sum, 4)
      const order = [...logits.keys()].sort((a, b) => (logits[b] as number) - (logits[a] as number) || a - b)
      expect(top.map((one) => one.id)).toEqual(order.slice(0, 3))
      for (const one of top) {
        expect(one.token).toBe(model.tokenizer.decode([one.id]))
        expect(one.logprob).toBeCloseTo((logits[one.id] as number) - sum, 4)
      }
    })
  })

  it('come with the events, and with ids alone', async () => {
    const ids = await load(undefined, { tokenizer: false })
    const options = { temperature: 0, maxTokens: 8, logprobs: true }
    const generation = ids.generate({ tokens: [5, 6, 7] }, options)
    const seen = []
    for await (const event of generation.events()) {
      if (event.type === 'tokens') seen.push(...(event.logprobs ?? []))
      else expect(event).not.toHaveProperty('logprobs')
    }
    const { logprobs, tokens } = await generation.result()
    expect(seen).toEqual(logprobs)
    expect(seen.map(({ id }) => id)).toEqual([...tokens])
    for (const { token, top } of seen) expect([token, top]).toEqual(['', []])
    expect(await ids.generate({ tokens: [5, 6, 7] }, { maxTokens: 1 }).result()).not.toHaveProperty(
      'logprobs',
    )
    await ids.close()
  })
})

describe('generateMany', () => {
  it('differs in seeds alone', async () => {
    const options = { temperature: 1.2, maxTokens: 30, ignoreEos: true }
    const results = await Promise.all(
      model.generateMany(text, { ...options, n: 5, seed: 10 }).map((one) => one.result()),
    )
    expect(results.map(({ seed }) => seed)).toEqual([10, 11, 12, 13, 14])
    expect(new Set(results.map((one) => one.text)).size).toBe(5)
    const alone = await model.generate(text, { ...options, seed: 12 }).result()
    expect(results[2]?.tokens).toEqual(alone.tokens)
    expect(results[2]?.usage).toEqual(alone.usage)
  })

  it('draws the first seed where none is given', async () => {
    const results = await Promise.all(
      model.generateMany({ tokens: [5, 6] }, { n: 3, maxTokens: 1 }).map((one) => one.result()),
    )
    const first = results[0]?.seed as number
    expect(results.map(({ seed }) => seed)).toEqual([first, first + 1, first + 2])
  })

  it.each([0, 1.5, 1025, '2', undefined, null])('refuses n %s', (n) => {
    const call = () => model.generateMany(text, { n: n as number })
    expect(call).toThrow(expect.objectContaining({ code: 'invalid_option', value: n }))
  })

  it('refuses what generate() refuses, each of them', async () => {
    for (const one of model.generateMany(text, { n: 2, topP: 2 })) {
      await expectCode(() => one.result(), 'invalid_option')
    }
    for (const one of model.generateMany(text, { n: 2, seed: -1 })) {
      await expectCode(() => one.result(), 'invalid_option')
    }
    expect(() => model.generateMany(text, { n: 2, seed: 2 ** 53 - 1 })).toThrow(/^seed: expected at most/)
  })
})
