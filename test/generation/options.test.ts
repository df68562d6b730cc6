// What generate() takes, and what it refuses.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type GenerateOptions, load, type Model } from '../../lib/index.js'
import { expectCode } from '../model/expect-code.js'
import { topIndices } from '../numbers.js'

const prompt = 'Once upon a time'

let model: Model
beforeAll(async () => {
  model = await load(undefined, { precision: 'exact' })
})
afterAll(() => model.close())

const generate = (options: unknown) => model.generate(prompt, options as GenerateOptions).result()

describe('refused with its value', () => {
  const numbers = ['maxTokens', 'temperature', 'topK', 'topP', 'minP', 'seed']
  const noNumbers = [
    '1',
    null,
    true,
    {},
    [],
    Number.NaN,
    Number.POSITIVE_INFINITY,
    Number.NEGATIVE_INFINITY,
    -1,
    1n,
  ]
  const cases: [string, unknown][] = [
    ...numbers.flatMap((name) => noNumbers.map((value): [string, unknown] => [name, value])),
    ...['maxTokens', 'topK', 'seed'].map((name): [string, unknown] => [name, 1.5]),
    ['maxTokens', 0],
    ['maxTokens', 2 ** 31],
    ['temperature', 1e7],
    ['topK', 2 ** 31],
    ['topP', 1.01],
    ['minP', 1.01],
    ['seed', 2 ** 53],
    ...[-101, 101, 0.5, '1', null, true, Number.NaN].map((value): [string, unknown] => ['priority', value]),
    ...[-1, 129, 0.5, '1', null, {}].map((value): [string, unknown] => ['promptLogprobs', value]),
    ...[5, 'stop', null, [1.5], [-1], ['a'], [2 ** 31], [null]].map((value): [string, unknown] => [
      'stopTokens',
      value,
    ]),
    ...[5, '', null, [''], [5], ['a', null], 'a'.repeat(1025), Array(65).fill('a')].map(
      (value): [string, unknown] => ['stop', value],
    ),
    ...[1, 'yes', null].map((value): [string, unknown] => ['ignoreEos', value]),
    ...[{}, 'abort', null, true].map((value): [string, unknown] => ['signal', value]),
  ]
  it.each(cases)('%s: %s', async (name, value) => {
    const error = await expectCode(() => generate({ [name]: value }), 'invalid_option')
    expect(error.message).toMatch(new RegExp(`^${name}: expected `))
    expect(error.value).toBe(value)
  })

  it('signal: a proxy that was revoked', async () => {
    const { proxy, revoke } = Proxy.revocable(new AbortController().signal, {})
    revoke()
    for (const call of [generate, (given: object) => model.embed(prompt, given)])
      await expectCode(() => call({ signal: proxy }), 'invalid_option')
  })

  it.each(['schema', 'adapter', 'speculative', 'maxtokens', 'constructor'])(
    '%s, which is not supported',
    async (name) => {
      const error = await expectCode(() => generate({ [name]: 1 }), 'unsupported_option')
      expect(error.message).toContain(`'${name}'`)
      expect(error.message).toContain('maxTokens')
      expect(error.value).toBe(1)
    },
  )

  it('but not when it is undefined', async () => {
    const { tokens } = await generate({
      maxTokens: 1,
      logprobs: undefined,
      topP: undefined,
      signal: undefined,
    })
    expect(tokens.length).toBe(1)
  })
})

describe('sampling', () => {
  const draw = async (options: GenerateOptions, seeds = 200): Promise<Map<number, number>> => {
    const counts = new Map<number, number>()
    const results = Array.from({ length: seeds }, (_, seed) =>
      model.generate(prompt, { maxTokens: 1, topK: 0, topP: 1, minP: 0, seed, ...options }).result(),
    )
    for (const { tokens } of await Promise.all(results)) {
      const token = tokens[0] as number
      counts.set(token, (counts.get(token) ?? 0) + 1)
    }
    return counts
  }
  /** Flat enough that many tokens have a chance. */
  const temperature = 12
  let order: number[]
  let probabilities: number[]
  beforeAll(async () => {
    const { data } = await model.logits(model.tokenizer.encode(prompt), { positions: 'last' })
    const weights = Array.from(data, (logit) => Math.exp(logit / temperature))
    const sum = weights.reduce((total, weight) => total + weight, 0)
    probabilities = weights.map((weight) => weight / sum)
    order = topIndices(data, data.length)
  })

  it('with the same seed repeats, with another does not', async () => {
    const options = { temperature: 1.5, maxTokens: 30, ignoreEos: true, topK: 0, topP: 1 }
    const once = await model.generate(prompt, { ...options, seed: 2 ** 53 - 1 }).result()
    const again = await model.generate(prompt, { ...options, seed: 2 ** 53 - 1 }).result()
    const other = await model.generate(prompt, { ...options, seed: 2 ** 53 - 2 }).result()
    expect(again.tokens).toEqual(once.tokens)
    expect(other.tokens).not.toEqual(once.tokens)
  })

  it('without a seed draws one, which repeats it', async () => {
    const options = { temperature: 1.5, maxTokens: 30, ignoreEos: true, topK: 0, topP: 1 }
    const once = await model.generate(prompt, options).result()
    const other = await model.generate(prompt, options).result()
    expect(other.seed).not.toBe(once.seed)
    expect(Number.isSafeInteger(once.seed)).toBe(true)
    expect((await model.generate(prompt, { ...options, seed: once.seed }).result()).tokens).toEqual(
      once.tokens,
    )
  })

  it('without any limit draws from everything, in proportion', async () => {
    const counts = await draw({ temperature }, 600)
    expect(counts.size).toBeGreaterThan(300)
    // The likeliest tenth of the vocabulary, within five standard deviations.
    const likely = order.slice(0, order.length / 10)
    const share = likely.reduce((sum, token) => sum + (probabilities[token] as number), 0)
    const drawn = likely.reduce((sum, token) => sum + (counts.get(token) ?? 0), 0)
    expect(Math.abs(drawn - 600 * share)).toBeLessThan(5 * Math.sqrt(600 * share * (1 - share)))
  })

  it('topK draws from the likeliest, all of them', async () => {
    const counts = await draw({ temperature: 1e6, topK: 7 })
    expect(new Set(counts.keys())).toEqual(new Set(order.slice(0, 7)))
  })

  it('topK 1, topP 0 and minP 1 always take the likeliest', async () => {
    for (const options of [{ topK: 1 }, { topP: 0 }, { minP: 1 }, { temperature: 0 }]) {
      expect([...(await draw({ temperature, ...options }, 20)).keys()]).toEqual([order[0]])
    }
  })

  it('topP draws from the fewest tokens that reach it', async () => {
    let kept = 0
    for (let sum = 0; sum < 0.02; kept++) sum += probabilities[order[kept] as number] as number
    const counts = await draw({ temperature, topP: 0.02 }, 400)
    const allowed = new Set(order.slice(0, kept))
    for (const token of counts.keys()) expect(allowed).toContain(token)
    expect(counts.size).toBeGreaterThan(1)
  })

  it('minP draws from tokens not much less likely than the likeliest', async () => {
    const floor = 0.15 * (probabilities[order[0] as number] as number)
    const allowed = new Set(order.filter((token) => (probabilities[token] as number) >= floor))
    const counts = await draw({ temperature, minP: 0.15 }, 400)
    for (const token of counts.keys()) expect(allowed).toContain(token)
    expect(counts.size).toBeGreaterThan(1)
  })

  it('by default is that of generation_config.json', async () => {
    const own = { temperature: 0.6, topP: 0.9, topK: 20 }
    const defaults = await model.generate(prompt, { seed: 3, maxTokens: 60, ignoreEos: true }).result()
    const spelled = await model.generate(prompt, { ...own, seed: 3, maxTokens: 60, ignoreEos: true }).result()
    expect(defaults.tokens).toEqual(spelled.tokens)
  })
})
