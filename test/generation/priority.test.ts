// Who waits, who goes first, and who is refused.
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { load, type Model } from '../../lib/index.js'
import { expectCode } from '../model/expect-code.js'

const maxQueue = 6
/** Tokens of a request, prompt and answer: memory holds one such, and no second beside it. */
const promptTokens = 200
const answerTokens = 20
/** 16 pages of 16 positions: six layers, two heads of 64 numbers of 16 bits, keys and values. */
const oneContext = 256 * 6 * 2 * 64 * 2 * 2

let model: Model
beforeEach(async () => {
  model = await load(undefined, { contextLength: 256, maxQueue, kvCache: { maxBytes: oneContext } })
})
afterEach(() => model.close())

const prompt = (i: number) => ({
  tokens: Int32Array.from({ length: promptTokens }, (_, j) => 10 + i + (j % 50)),
})
const options = { maxTokens: answerTokens, ignoreEos: true, temperature: 0 }

describe('requests that wait', () => {
  it('go by their priority, and among equals by their age', async () => {
    // Where a busy machine lets the first end before all the others have come, nobody waited: then once more.
    let order: { haveWaited: boolean; ended: number[] }
    do order = await orderOfEnds()
    while (!order.haveWaited)
    expect(order.ended).toEqual([0, 3, 5, 2, 4, 1])
  })

  async function orderOfEnds() {
    const ended: number[] = []
    const start = (i: number, priority?: number) =>
      model
        .generate(prompt(i), { ...options, ...(priority !== undefined && { priority }) })
        .result()
        .then(() => ended.push(i))
    const first = start(0, 100)
    const others = [start(1, -5), start(2), start(3, 50), start(4), start(5, 50)]
    const { active, queued } = model.stats()
    await Promise.all([first, ...others])
    return { haveWaited: active + queued === 6, ended }
  }

  it('may be so many and no more', async () => {
    const generations = Array.from({ length: 24 }, (_, i) => model.generate(prompt(i), options))
    const outcomes = await Promise.allSettled(generations.map((generation) => generation.result()))
    const refused = outcomes.filter(({ status }) => status === 'rejected')
    expect(refused.length).toBeGreaterThan(8)
    expect(outcomes.length - refused.length).toBeGreaterThanOrEqual(maxQueue)
    for (const outcome of refused)
      expect(outcome).toMatchObject({ reason: { name: 'QuernError', code: 'overloaded' } })
    expect((await model.generate(prompt(0), options).result()).tokens.length).toBe(answerTokens)
  })

  it('of one call are never too many', async () => {
    const inputs = Array.from({ length: 40 }, (_, i) => prompt(i % 10))
    expect(await model.embed(inputs)).toHaveLength(40)
    const [{ tokens = [] } = {}] = await model.score(prompt(0), [prompt(1), prompt(2)].map(short))
    expect(tokens.length).toBe(8)
  })

  it('of one call go on while others fill the queue', async () => {
    const others = Array.from({ length: maxQueue }, (_, i) => model.generate(prompt(i), options).result())
    const embedded = model.embed(Array.from({ length: 30 }, (_, i) => prompt(i % 10)))
    const outcome = await embedded.catch(({ code }) => code)
    if (outcome !== 'overloaded') expect(outcome).toHaveLength(30)
    await Promise.all(others)
  })
})

const short = ({ tokens }: { tokens: Int32Array }) => ({ tokens: tokens.slice(0, 8) })

it.each([0, -1, 1.5, '5', 2 ** 21])('load() refuses a maxQueue of %j', async (wrong) => {
  await expectCode(() => load(undefined, { maxQueue: wrong as number }), 'invalid_option')
})
