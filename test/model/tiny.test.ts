// The bundled model says what Hugging Face transformers says, on every instruction set of this machine.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { load, type Model } from '../../lib/index.js'
import type { LoadOptions } from '../../lib/model/load-options.js'
import { native } from '../../lib/native/load-binding.js'
import { fixturePath, goldenPath, goldensPresent, readJson, requireGoldens } from '../golden.js'
import { expectWithin, rowAt, type Tolerance, topIndices } from '../numbers.js'

interface Expected {
  tolerance: Tolerance
  cases: {
    id: string
    /** A text, or what the chat template made of messages. */
    prompt?: string
    rendered?: string
    ids: number[]
    greedy: number[]
    stopped: boolean
    text: string
    top10: [number, number][]
  }[]
}

const expectedPath = fixturePath('tiny', 'expected.json')
const { cases, tolerance } = readJson<Expected>(expectedPath)
const { isas } = native().machine()

it('knows the instruction sets of this machine', () => {
  expect(isas).toContain('baseline')
  expect(new Set(isas).size).toBe(isas.length)
})

describe.each(isas as NonNullable<LoadOptions['isa']>[])('on %s', (isa) => {
  let model: Model
  beforeAll(async () => {
    model = await load(undefined, { precision: 'exact', isa })
    expect(model.info).toMatchObject({ isa, precision: 'exact', kvDtype: 'f32' })
  })
  afterAll(() => model.close())

  it.each(cases)('$id: tokens of a prompt given as ids', async ({ ids, greedy, stopped }) => {
    const options = { temperature: 0, maxTokens: greedy.length }
    const { tokens, finishReason } = await model.generate({ tokens: ids }, options).result()
    expect([...tokens]).toEqual(greedy)
    expect(finishReason).toBe(stopped ? 'stop' : 'length')
  })

  it('says the same with 16-bit keys and values: no step is that close', async () => {
    const fast = await load(undefined, { isa })
    expect(fast.info).toMatchObject({ isa, precision: 'fast', kvDtype: 'f16' })
    await Promise.all(
      cases.map(async ({ id, ids, greedy }) => {
        const options = { temperature: 0, maxTokens: greedy.length }
        const { tokens } = await fast.generate({ tokens: ids }, options).result()
        expect([...tokens], id).toEqual(greedy)
      }),
    )
    await fast.close()
  })

  it.each(cases)('$id: the best logits after the prompt', async ({ id, ids, top10 }) => {
    const row = rowAt(await model.logits(ids, { positions: 'last' }), -1)
    expectWithin(
      top10.map(([token]) => row[token] as number),
      top10.map(([, logit]) => logit),
      tolerance,
      id,
    )
    expect(topIndices(row, 1)).toEqual([top10[0]?.[0]])
  })
})

describe('on the best of them', () => {
  let model: Model
  beforeAll(async () => {
    model = await load(undefined, { precision: 'exact' })
  })
  afterAll(() => model.close())

  it.each(cases)(
    '$id: text of a prompt given as text',
    async ({ prompt = '', rendered = prompt, ids, greedy, text, stopped }) => {
      expect([...model.tokenizer.encode(rendered)]).toEqual(ids)
      const generation = model.generate(rendered, { temperature: 0, maxTokens: greedy.length })
      let streamed = ''
      for await (const piece of generation) streamed += piece
      expect(streamed).toBe(text)
      const result = await generation.result()
      expect(result.text).toBe(text)
      expect(result.usage).toEqual({
        promptTokens: ids.length,
        cachedTokens: expect.any(Number),
        completionTokens: greedy.length,
        reasoningTokens: 0,
      })
      expect(result.finishReason).toBe(stopped ? 'stop' : 'length')
    },
  )
})

requireGoldens()
it.runIf(goldensPresent)('is the model that the expectations were made for', () => {
  const original = goldenPath('..', 'models', 'tiny')
  const bundled = fileURLToPath(new URL('../../models/tiny', import.meta.url))
  expect(readFileSync(expectedPath)).toEqual(readFileSync(join(original, 'expected.json')))
  for (const name of ['model.safetensors', 'config.json', 'generation_config.json', 'tokenizer.json']) {
    expect(readFileSync(join(bundled, name)).equals(readFileSync(join(original, name))), name).toBe(true)
  }
})
