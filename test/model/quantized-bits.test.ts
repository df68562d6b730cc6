// Weights of 8 and 4 bits: that a result depends on nothing else than before.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { load, type Model } from '../../lib/index.js'

describe.each(['int8', 'int4'] as const)('the bundled model in %s', (dtype) => {
  let one: Model, two: Model
  beforeAll(async () => {
    one = await load(undefined, { dtype, threads: 1, device: 'cpu' })
    two = await load(undefined, { dtype, threads: 2 })
  })
  afterAll(async () => {
    await one?.close()
    await two?.close()
  })

  it('says the same alone and among others, with one thread and with two, on the CPU and on another device', async () => {
    const prompts = ['Once upon a time', 'The little dog', 'A', 'One day a girl named Lily found'].flatMap(
      (text) => [text, `${text} `.repeat(20)],
    )
    const options = { maxTokens: 24, temperature: 0.8, seed: 7 }
    const alone: number[][] = []
    for (const prompt of prompts) alone.push([...(await one.generate(prompt, options).result()).tokens])
    const together = await Promise.all(prompts.map((prompt) => two.generate(prompt, options).result()))
    expect(together.map(({ tokens }) => [...tokens])).toEqual(alone)
    const tokens = [...(alone[1] as number[]), ...(alone[3] as number[])]
    const bits = async (model: Model) => Buffer.from((await model.logits(tokens)).data.buffer)
    expect((await bits(two)).equals(await bits(one))).toBe(true)
  })

  it('takes the memory that its bits need', async () => {
    const stored = await load(undefined, { threads: 1 })
    const share = one.info.weightBytes / stored.info.weightBytes
    await stored.close()
    expect(share).toBeLessThan(dtype === 'int8' ? 0.62 : 0.56)
  })
})
