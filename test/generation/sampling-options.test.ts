// What sampling takes, and what it refuses.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  type GenerateOptions,
  load,
  type Model,
  QuernError,
  type SamplingOptions,
  samplingDistribution,
} from '../../lib/index.js'
import { expectCode } from '../model/expect-code.js'

let model: Model
beforeAll(async () => {
  model = await load()
})
afterAll(() => model.close())

const noNumbers = ['1', null, true, {}, [], Number.NaN, Number.POSITIVE_INFINITY, 1n]
const scalars = ['typicalP', 'topNSigma', 'repetitionPenalty', 'frequencyPenalty', 'presencePenalty']

/** Option, value, and the name and the value that the error gives where they are others. */
const refused: [string, unknown, string?, unknown?][] = [
  ...scalars.flatMap((name) => noNumbers.map((value): [string, unknown] => [name, value])),
  ['typicalP', 1.01],
  ['typicalP', -0.01],
  ['repetitionPenalty', 0],
  ['repetitionPenalty', -1],
  ['repetitionPenalty', 1e-38],
  ...[5, 'a', null, [1]].map((value): [string, unknown] => ['logitBias', value]),
  ['logitBias', { a: 1 }, 'logitBias', 'a'],
  ['logitBias', { '-1': 1 }, 'logitBias', '-1'],
  ['logitBias', { 1.5: 1 }, 'logitBias', '1.5'],
  ['logitBias', { [2 ** 31]: 1 }, 'logitBias', `${2 ** 31}`],
  ['logitBias', { 3: '1' }, 'logitBias\\[3\\]', '1'],
  ['logitBias', { 3: Number.NaN }, 'logitBias\\[3\\]', Number.NaN],
  ['logitBias', { 3: 1e39 }, 'logitBias\\[3\\]', 1e39],
  ['logitBias', { 3: undefined }, 'logitBias\\[3\\]', undefined],
  ['logitBias', { 3: Number.NEGATIVE_INFINITY }, 'logitBias\\[3\\]', Number.NEGATIVE_INFINITY],
  ...['xtc', 'dry', 'mirostat'].flatMap((name) =>
    [1, null, [], 'on', { other: 1 }].map((value): [string, unknown] => [name, value]),
  ),
  ['xtc', {}, 'xtc.probability', undefined],
  ['xtc', { probability: 2 }, 'xtc.probability', 2],
  ['xtc', { probability: 0.5, threshold: -1 }, 'xtc.threshold', -1],
  ['dry', {}, 'dry.multiplier', undefined],
  ['dry', { multiplier: -1 }, 'dry.multiplier', -1],
  ['dry', { multiplier: 1, base: 0.5 }, 'dry.base', 0.5],
  ['dry', { multiplier: 1, allowedLength: 0 }, 'dry.allowedLength', 0],
  ['dry', { multiplier: 1, penaltyLastN: -2 }, 'dry.penaltyLastN', -2],
  ['dry', { multiplier: 1, penaltyLastN: 1.5 }, 'dry.penaltyLastN', 1.5],
  ['dry', { multiplier: 1, breakers: '\n' }, 'dry.breakers', '\n'],
  ['dry', { multiplier: 1, breakers: [''] }, 'dry.breakers\\[0\\]', ''],
  ['dry', { multiplier: 1, breakers: [[1], [-1]] }, 'dry.breakers\\[1\\]', -1],
  ['mirostat', { version: 3 }, 'mirostat.version', 3],
  ['mirostat', { tau: -1 }, 'mirostat.tau', -1],
  ['mirostat', { eta: '1' }, 'mirostat.eta', '1'],
  ['mirostat', { mu: Number.NaN }, 'mirostat.mu', Number.NaN],
  ...['topK', [], ['top_k'], [null], ['seed'], null].map((value): [string, unknown] => ['samplers', value]),
  ['samplers', ['topK', 'topP', 'topK']],
  ['samplers', ['mirostat', 'topK']],
]

describe('a name that is nearly right', () => {
  it.each<[GenerateOptions, string]>([
    [{ dry: { multiplier: 1, allowed_length: 3 } as never }, "did you mean 'allowedLength'?"],
    [{ xtc: { probabilty: 1 } as never }, "did you mean 'probability'?"],
    [{ mirostat: { Tau: 5 } as never }, "did you mean 'tau'?"],
    [{ samplers: ['temperature', 'top_k'] as never }, "did you mean 'topK'?"],
    [{ samplers: ['repeatPenalty'] as never }, "did you mean 'repetitionPenalty'?"],
    [{ samplers: 'topP' as never }, 'got "topP"'],
  ])('%j', async (options, hint) => {
    const { message } = await expectCode(() => model.generate('a', options).result(), 'invalid_option')
    expect(message).toContain(hint)
  })

  it('is not looked for where none is near', async () => {
    const options = { dry: { multiplier: 1, somethingElse: 2 } as never }
    const { message } = await expectCode(() => model.generate('a', options).result(), 'invalid_option')
    expect(message).toMatch(/got \{multiplier: 1, somethingElse: 2\}$/)
  })
})

describe('refused with its value', () => {
  it.each(refused)('%s: %o', async (...[name, value, named = name, wrong = value]) => {
    const expected = { code: 'invalid_option', value: refusedValue(name, value, named, wrong) }
    const message = new RegExp(`^${named}: expected `)
    const options = { [name]: value } as GenerateOptions
    const generated = await expectCode(() => model.generate('a', options).result(), 'invalid_option')
    expect(generated).toMatchObject({ message: expect.stringMatching(message), ...expected })
    let thrown: unknown
    try {
      samplingDistribution(new Float32Array(8), options as SamplingOptions)
    } catch (error) {
      thrown = error
    }
    expect(thrown).toBeInstanceOf(QuernError)
    expect(thrown).toMatchObject({ message: expect.stringMatching(message), ...expected })
  })

  /** A missing member's value is undefined, which a default of the table above cannot say. */
  function refusedValue(name: string, value: unknown, named: string, wrong: unknown): unknown {
    return named !== name && wrong === value ? undefined : wrong
  }

  it('of generate() alone', async () => {
    for (const [name, value] of [
      ['logprobs', 1],
      ['logprobs', 'yes'],
      ['topLogprobs', 3],
      ['topLogprobs', 129],
      ['topLogprobs', 1.5],
      ['topLogprobs', -1],
    ] as const) {
      const error = await expectCode(() => model.generate('a', { [name]: value }).result(), 'invalid_option')
      expect(error.message).toMatch(new RegExp(`^${name}: expected `))
      expect(error.value).toBe(value)
    }
  })

  it('what has no place in the order', async () => {
    const options: SamplingOptions[] = [
      { temperature: 0.5, samplers: ['topK'] },
      { logitBias: { 1: 2 }, samplers: ['topK'] },
      { dry: { multiplier: 1, breakers: [] }, samplers: ['topK'] },
      { mirostat: { tau: 3 }, samplers: ['topK'] },
    ]
    for (const one of options) {
      const name = Object.keys(one)[0]
      expect(() => samplingDistribution(new Float32Array(4), one)).toThrow(`'${name}' among them`)
    }
    // What would do nothing needs none.
    samplingDistribution(new Float32Array(4), { temperature: 1, topP: 1, samplers: ['topK'] })
  })

  it('tokens beyond the vocabulary', async () => {
    const { vocab } = model.info.config
    await expectCode(() => model.generate('a', { logitBias: { [vocab]: 1 } }).result(), 'invalid_token')
    const distribution = (options: SamplingOptions, context = {}) =>
      expectCode(async () => samplingDistribution(new Float32Array(4), options, context), 'invalid_token')
    await distribution({ logitBias: { 4: 1 } })
    await distribution({}, { prompt: [4] })
    await distribution({}, { generated: [-1] })
    await distribution({}, { generated: ['a'] })
  })

  it('texts without a tokenizer, and logits that are none', async () => {
    const dry = { multiplier: 1, breakers: ['\n'] }
    await expectCode(async () => samplingDistribution(new Float32Array(4), { dry }), 'no_tokenizer')
    samplingDistribution(new Float32Array(4), { dry: { multiplier: 1 } })
    for (const logits of [[1, 2], new Float64Array(3), new Float32Array(), undefined])
      await expectCode(async () => samplingDistribution(logits as Float32Array), 'invalid_input')
    for (const name of ['maxTokens', 'seed', 'top_k'])
      await expectCode(
        async () => samplingDistribution(new Float32Array(4), { [name]: 1 }),
        'unsupported_option',
      )
  })
})

describe('what the options mean', () => {
  const logits = Float32Array.of(2, 1, 0, -1)
  const distribution = (options: SamplingOptions, context = {}) => [
    ...samplingDistribution(logits, options, context),
  ]

  it('mirostat takes the place of the filters that the model asks for, not of those that are given', async () => {
    // The bundled model asks for topP 0.9 and topK 20.
    const mirostat = { tau: 20, eta: 0 }
    const results = Array.from({ length: 100 }, (_, seed) =>
      model.generate('Once', { temperature: 1000, mirostat, seed, maxTokens: 1 }).result(),
    )
    expect(new Set((await Promise.all(results)).map(({ tokens }) => tokens[0])).size).toBeGreaterThan(50)
    expect(distribution({ topK: 2, mirostat }).filter((p) => p > 0).length).toBe(2)
  })

  it('penalties look at the output, repetition at the prompt too', () => {
    const prompt = [0]
    const generated = [1, 1]
    const penalised = (context: object) => ({
      repetition: distribution({ repetitionPenalty: 2 }, context),
      presence: distribution({ presencePenalty: 1 }, context),
      frequency: distribution({ frequencyPenalty: 1 }, context),
    })
    const softmax = (...values: number[]) => {
      const sum = values.reduce((total, value) => total + Math.exp(value), 0)
      return values.map((value) => expect.closeTo(Math.exp(value) / sum, 6))
    }
    expect(penalised({ prompt, generated })).toEqual({
      repetition: softmax(1, 0.5, 0, -1),
      presence: softmax(2, 0, 0, -1),
      frequency: softmax(2, -1, 0, -1),
    })
    expect(penalised({ prompt: [3] }).repetition).toEqual(softmax(2, 1, 0, -2))
  })

  it('a ban is exactly 0, even where all else is unlikely', () => {
    expect(distribution({ logitBias: { 0: -100, 1: -100.5 } })).toEqual([
      0,
      0,
      expect.closeTo(1 / (1 + Math.exp(-1)), 6),
      expect.closeTo(1 / (1 + Math.E), 6),
    ])
    expect(distribution({ temperature: 0, logitBias: { 0: -100 } })).toEqual([0, 1, 0, 0])
  })

  it('of breakers that overlap the last that begins decides', () => {
    const prompt = [0, 0, 1, 1, 2, 2, 0, 2, 2, 1, 1, 2, 0, 0, 1]
    const dry = { multiplier: 2, base: 3, allowedLength: 1, breakers: [[0], [0, 0, 1]] }
    const probabilities = samplingDistribution(new Float32Array(3), { dry }, { prompt, generated: [] })
    const loss = Math.exp(-2)
    expect([...probabilities]).toEqual(
      [1, loss, loss].map((weight) => expect.closeTo(weight / (1 + 2 * loss), 6)),
    )
  })

  it('texts that break repetitions are the tokens of the tokenizer', async () => {
    const { tokenizer } = model
    const prompt = tokenizer.encode('one two. one two. one')
    const { vocab } = model.info.config
    const flat = new Float32Array(vocab)
    const probabilities = (breakers: (string | number[])[]) =>
      samplingDistribution(
        flat,
        { dry: { multiplier: 3, allowedLength: 1, breakers } },
        { prompt, tokenizer },
      )
    const two = prompt[prompt.length - 3] as number
    expect(probabilities([])[two]).toBeLessThan(0.1 / vocab)
    expect(probabilities(['one'])).toEqual(
      probabilities([[...tokenizer.encode('one', { addSpecialTokens: false })]]),
    )
  })
})
