// However large an input is, the event loop has others to serve.
import { afterAll, beforeAll, expect, it } from 'vitest'
import { load, type Model } from '../../lib/index.js'
import { expectShortTurns } from '../longest-turn.js'
import { expectCode } from '../model/expect-code.js'

let model: Model
beforeAll(async () => {
  model = await load()
})
afterAll(() => model.close())

const longest = 50
const tokens = new Int32Array(2 ** 24)
const list = Array.from(tokens)

it.each([
  ['embed', (tokens: ArrayLike<number>) => model.embed({ tokens })],
  ['embed of several', (tokens: ArrayLike<number>) => model.embed(['short', { tokens }])],
  ['score', (tokens: ArrayLike<number>) => model.score({ tokens: [1] }, { tokens })],
  ['score after', (tokens: ArrayLike<number>) => model.score({ tokens }, { tokens: [1] })],
  ['generate', (tokens: ArrayLike<number>) => model.generate({ tokens }).result()],
  ['generateMany', (tokens: ArrayLike<number>) => model.generateMany({ tokens }, { n: 2 })[1]?.result()],
  ['logits', (tokens: ArrayLike<number>) => model.logits(tokens, { positions: 'last' })],
] as const)('%s: more tokens than the context holds are refused unread', async (_, call) => {
  for (const many of [tokens, list])
    await expectShortTurns(longest, () => expectCode(() => call(many), 'context_overflow'))
  const { message } = await expectCode(() => call(tokens), 'context_overflow')
  expect(message).toMatch(/^[a-z[\]01: ]*the prompt has 16777216 tokens, the context holds 2048: shorten/)
})

it('perplexity with millions of windows', async () => {
  const signal = AbortSignal.abort()
  const text = { tokens: tokens.subarray(0, 2 ** 20) }
  const call = () => model.perplexity(text, { window: 64, stride: 1, signal })
  await expectShortTurns(longest, call)
})
