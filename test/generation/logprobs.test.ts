// Log-probabilities of long texts are told without holding the event loop.
import { expect, it } from 'vitest'
import { tokenLogprobs } from '../../lib/generation/logprobs.js'
import { load } from '../../lib/index.js'
import type { NativeLogprobs } from '../../lib/native/binding.js'
import { nativeTokenizer } from '../../lib/tokenizer/tokenizer.js'
import { expectShortTurns } from '../longest-turn.js'

const top = 128

/** What the addon gives for so many tokens. */
function rowsOf(tokens: number): NativeLogprobs {
  return {
    values: Float64Array.from({ length: tokens }, (_, i) => -i),
    ends: Int32Array.from({ length: tokens }, (_, i) => (i + 1) * top),
    ids: Int32Array.from({ length: tokens * top }, (_, i) => (i * 7) % 5000),
    logprobs: Float64Array.from({ length: tokens * top }, (_, i) => -(i % top)),
  }
}

it('whole contexts of many at once', async () => {
  const model = await load()
  const tokenizer = nativeTokenizer(model.tokenizer)
  const tokens = Int32Array.from({ length: 4096 }, (_, i) => i)
  const rows = rowsOf(tokens.length)
  let told: unknown[] = []
  const tellAll = async () => {
    const all = await Promise.all(Array.from({ length: 4 }, () => tokenLogprobs(tokens, rows, tokenizer)))
    told = all.map((one) => one.at(-1))
  }
  await expectShortTurns(50, tellAll)
  const last = (tokens.length - 1) * top * 7
  const token = (id: number) => model.tokenizer.decode([id])
  expect(told).toHaveLength(4)
  expect(told[3]).toMatchObject({ id: 4095, token: token(4095), logprob: -4095 })
  expect(told[3]).toHaveProperty('top.127', {
    id: (last + 127 * 7) % 5000,
    token: token((last + 127 * 7) % 5000),
    logprob: -127,
  })
  await model.close()
})
