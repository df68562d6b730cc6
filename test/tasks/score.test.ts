// Log-probabilities without logits: against the logits themselves, and one way of asking against the other.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { load, type Model, type TokenLogprob } from '../../lib/index.js'
import { fixturePath, goldenPath, goldensPresent, requireGoldens } from '../golden.js'
import { expectCode } from '../model/expect-code.js'
import { rowAt, topIndices } from '../numbers.js'
import { logSoftmax } from './log-softmax.js'

/** Sums over a vocabulary in another order than the engine's, relative to numbers of about 10. */
const near = 1e-5

const prompt = 'Once upon a time, in a busy city,'
const continuation = ' there lived a playful boy named Otto.'

/** The log-probabilities of tokens [first, end), from logits. */
async function fromLogits(model: Model, tokens: Int32Array, first: number): Promise<number[]> {
  const logits = await model.logits(tokens)
  return [...tokens.subarray(first)].map((token, i) => logSoftmax(rowAt(logits, first + i - 1), token))
}

function expectNear(got: readonly number[], want: readonly number[]): void {
  expect(got.length).toBe(want.length)
  for (const [i, value] of want.entries()) expect(Math.abs((got[i] as number) - value)).toBeLessThan(near)
}

const values = (logprobs: readonly (TokenLogprob | null)[]) => logprobs.map((one) => one?.logprob as number)

let model: Model
beforeAll(async () => {
  model = await load(undefined, { precision: 'exact' })
})
afterAll(() => model.close())

describe('score', () => {
  it('is what the logits say', async () => {
    const tokens = model.tokenizer.encode(prompt + continuation)
    const first = model.tokenizer.count(prompt)
    const { logprob, tokens: scored } = await model.score(prompt, continuation)
    expect(scored.map(({ id }) => id)).toEqual([...tokens.subarray(first)])
    expect(scored.map(({ token }) => token).join('')).toBe(continuation)
    const want = await fromLogits(model, tokens, first)
    expectNear(values(scored), want)
    expectNear([logprob], [want.reduce((sum, value) => sum + value, 0)])
  })

  it('is bit for bit what a generation says of its tokens and of its prompt', async () => {
    const options = { temperature: 0, maxTokens: 24, logprobs: true, topLogprobs: 3 }
    const said = await model.generate(prompt, options).result()
    const ids = model.tokenizer.encode(prompt)
    const { tokens: scored } = await model.score({ tokens: ids }, { tokens: said.tokens }, { topLogprobs: 3 })
    expect(scored).toEqual(said.logprobs)
    const tokens = [...ids, ...said.tokens]
    const after = await model.generate({ tokens }, { maxTokens: 1, promptLogprobs: 3 }).result()
    expect(after.promptLogprobs?.[0]).toBeNull()
    expect(after.promptLogprobs?.slice(ids.length)).toEqual(scored)
  })

  it('gives the likeliest tokens in each place', async () => {
    const tokens = model.tokenizer.encode(prompt + continuation)
    const first = model.tokenizer.count(prompt)
    const { tokens: scored } = await model.score(prompt, continuation, { topLogprobs: 5 })
    const logits = await model.logits(tokens)
    for (const [i, { top }] of scored.entries())
      expect(top.map(({ id }) => id)).toEqual(topIndices(rowAt(logits, first + i - 1), 5))
  })

  it('several continuations of one prompt, in their order', async () => {
    const continuations = [' there lived a dragon.', ' there', ' xyz', continuation]
    const scores = await model.score(prompt, continuations)
    for (const [i, one] of continuations.entries()) expect(scores[i]).toEqual(await model.score(prompt, one))
    expect((scores[1]?.logprob as number) > (scores[2]?.logprob as number)).toBe(true)
    expect(await model.score(prompt, [])).toEqual([])
  })

  it('white space at the end of the prompt is part of the next token', async () => {
    expect(await model.score('Once upon ', 'a time')).toEqual(await model.score('Once upon', ' a time'))
  })

  it('a token that begins in the prompt counts as the continuation, whole', async () => {
    const { tokens } = await model.score('Once upon a ti', 'me')
    expect(tokens.map(({ token }) => token).join('')).toBe(' time')
  })

  it.each([
    ['', 'Once', 'got ""'],
    [{ tokens: [] }, { tokens: [1] }, 'got no tokens'],
    ['On', 'ce', 'got "On", which is a part of that token'],
  ])('tells what %j lacks as a prompt of %j', async (before, after, got) => {
    const score = () => model.score(before as string, after as string)
    const { message } = await expectCode(score, 'invalid_input')
    expect(message.endsWith(`expected a prompt of one whole token at least, ${got}`)).toBe(true)
  })

  it.each([
    ['', 'Once'],
    ['  ', 'Once'],
    ['Once', ''],
    ['Once', 5],
    ['Once', { tokens: [1] }],
    [{ tokens: [1] }, 'Once'],
    [{ tokens: [] }, { tokens: [1] }],
    [{ tokens: [1] }, { tokens: [] }],
  ])('refuses %j before %j', async (before, after) => {
    await expectCode(() => model.score(before as string, after as string), 'invalid_input')
  })

  it('refuses what is no option', async () => {
    await expectCode(() => model.score(prompt, continuation, { topLogprobs: 129 }), 'invalid_option')
    await expectCode(() => model.score(prompt, continuation, { logprobs: 1 } as object), 'unsupported_option')
    const { message } = await expectCode(
      () => model.score({ tokens: [1] }, [{ tokens: [9999] }]),
      'invalid_token',
    )
    expect(message).toMatch(/^continuations\[0\]: /)
  })
})

describe('promptLogprobs', () => {
  it('has one for each token, the first of them null', async () => {
    const { promptLogprobs } = await model.generate(prompt, { maxTokens: 1, promptLogprobs: true }).result()
    const tokens = model.tokenizer.encode(prompt)
    expect(promptLogprobs?.[0]).toBeNull()
    const rest = (promptLogprobs ?? []).slice(1) as TokenLogprob[]
    expect(rest.map(({ id }) => id)).toEqual([...tokens.subarray(1)])
    expect(rest.every(({ top }) => top.length === 0)).toBe(true)
    expectNear(values(rest), await fromLogits(model, tokens, 1))
  })

  it('is the same whatever the cache knows, and the text is the same too', async () => {
    const plain = await model.generate(prompt, { temperature: 0, maxTokens: 8 }).result()
    const options = { temperature: 0, maxTokens: 8, promptLogprobs: 2 }
    const [one, two] = await Promise.all([
      model.generate(prompt, options).result(),
      model.generate(prompt, options).result(),
    ])
    expect(one.promptLogprobs).toEqual(two.promptLogprobs)
    // Pages hold no probabilities, so the prompt is computed whole.
    expect([one.usage.cachedTokens, two.usage.cachedTokens]).toEqual([0, 0])
    expect([one.text, two.text]).toEqual([plain.text, plain.text])
    expect(plain.promptLogprobs).toBeUndefined()
  })

  it('of a prompt of one token is null alone', async () => {
    const { promptLogprobs } = await model
      .generate({ tokens: [5] }, { maxTokens: 1, promptLogprobs: 4 })
      .result()
    expect(promptLogprobs).toEqual([null])
  })

  it.each([-1, 129, 1.5, 'all'])('refuses %j', async (promptLogprobs) => {
    await expectCode(() => model.generate(prompt, { promptLogprobs } as object).text(), 'invalid_option')
  })

  it('is not on the last event, which is small', async () => {
    for await (const event of model.generate(prompt, { maxTokens: 2, promptLogprobs: true }).events())
      expect(event).not.toHaveProperty('promptLogprobs')
  })
})

describe('perplexity', () => {
  const text = `${prompt}${continuation} `.repeat(8).trimEnd()

  it('of a short text is what its logits say', async () => {
    const tokens = model.tokenizer.encode(text)
    const nlls = (await fromLogits(model, tokens, 1)).map((value) => -value)
    const want = nlls.reduce((sum, value) => sum + value, 0) / nlls.length
    const { perplexity, nll, tokens: count } = await model.perplexity(text)
    expect(count).toBe(tokens.length - 1)
    expectNear([nll], [want])
    expect(perplexity).toBe(Math.exp(nll))
    expect(await model.perplexity({ tokens })).toEqual({ perplexity, nll, tokens: count })
  })

  it.each([
    [16, 8],
    [16, 15],
    [10, 1],
    [33, 7],
  ])('over windows of %i tokens, %i further each time', async (window, stride) => {
    const tokens = model.tokenizer.encode(text).slice(0, 90)
    // As in Hugging Face's guide: of each window, the tokens that no window before has told.
    let sum = 0
    for (let begin = 0, told = 1; told < tokens.length; begin += stride) {
      const end = Math.min(begin + window, tokens.length)
      const some = await fromLogits(model, tokens.slice(begin, end), told - begin)
      sum -= some.reduce((total, value) => total + value, 0)
      told = end
    }
    const progress: number[] = []
    const onProgress = ({ done }: { done: number }) => progress.push(done)
    const { nll, tokens: count } = await model.perplexity({ tokens }, { window, stride, onProgress })
    expect(count).toBe(89)
    expectNear([nll], [sum / 89])
    expect(progress.length).toBe(Math.ceil((90 - window) / stride) + 1)
  })

  it('a text longer than the context is read in windows', async () => {
    const small = await load(undefined, { precision: 'exact', contextLength: 64 })
    const tokens = model.tokenizer.encode(text)
    expect(tokens.length).toBeGreaterThan(128)
    expect(await small.perplexity(text)).toEqual(await model.perplexity(text, { window: 64 }))
    await expectCode(() => small.perplexity(text, { window: 65 }), 'invalid_option')
    await small.close()
  })

  it.each([
    ['', {}, 'invalid_input'],
    [{ tokens: [1] }, {}, 'invalid_input'],
    [text, { window: 1 }, 'invalid_option'],
    [text, { window: 8, stride: 8 }, 'invalid_option'],
    [text, { stride: 0 }, 'invalid_option'],
    [text, { bos: true }, 'unsupported_option'],
  ] as const)('refuses %j with %j', async (given, options, code) => {
    await expectCode(() => model.perplexity(given as string, options as object), code)
  })
})

requireGoldens()
describe('models of other shapes', () => {
  const golden = ['qwen3-untied-sharded', 'qwen2', 'llama-9h3kv', 'dtype-f16', 'qwen3-rope-yarn']
  const paths = [
    fixturePath('models', 'qwen3-tied'),
    ...(goldensPresent ? golden.map((name) => goldenPath('models', name)) : []),
  ]
  it.each(paths)('%s', async (path) => {
    const other = await load(path, { precision: 'exact' })
    const tokens = Int32Array.from({ length: 70 }, (_, i) => (i * 7919) % other.info.config.vocab)
    const want = await fromLogits(other, tokens, 1)
    const score = await other.score({ tokens: tokens.slice(0, 20) }, { tokens: tokens.slice(20) })
    expectNear(values(score.tokens), want.slice(19))
    expect(score.tokens.every(({ token }) => token === '')).toBe(true)
    const { promptLogprobs = [] } = await other
      .generate({ tokens }, { maxTokens: 1, promptLogprobs: true })
      .result()
    expectNear(values(promptLogprobs.slice(1)), want)
    const { nll } = await other.perplexity({ tokens })
    expectNear([nll], [-want.reduce((sum, value) => sum + value, 0) / 69])
    await other.close()
  })
})
