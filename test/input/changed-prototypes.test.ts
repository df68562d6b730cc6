// Programs, and libraries that are careless with keys, put members into Object.prototype: what the addon gives must get through.
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest'
import { doctor, load, type Model } from '../../lib/index.js'
import { native } from '../../lib/native/load-binding.js'

let model: Model
beforeAll(async () => {
  model = await load(undefined, { contextLength: 256 })
})
afterAll(() => model.close())

const rowMembers = ['request', 'token', 'text', 'cachedTokens', 'logprob', 'topIds', 'topLogprobs', 'finish']
const endMembers = ['queuedSeconds', 'prefillSeconds', 'decodeSeconds', 'logits', 'knownPages', 'pageBytes']
const otherMembers = [
  'code',
  'promise',
  'abort',
  'isas',
  'processors',
  'availableMemory',
  'active',
  'pages',
  'isa',
]
const members = [...rowMembers, ...endMembers, ...otherMembers]

const ways: Record<string, PropertyDescriptor> = {
  'swallows it': { configurable: true, get: () => undefined, set: () => {} },
  throws: {
    configurable: true,
    get: () => undefined,
    set: () => {
      throw new Error('no member of this name')
    },
  },
  'is read-only': { configurable: true, writable: false, value: undefined },
}

function clean(): void {
  for (const member of members) Reflect.deleteProperty(Object.prototype, member)
}
afterEach(clean)

it.each(Object.entries(ways))('a member of Object.prototype that %s', async (_, property) => {
  const work = async () => {
    const generations = [1, 2].map((seed) =>
      model.generate('Once upon a time', {
        seed,
        maxTokens: 6,
        ignoreEos: true,
        logprobs: true,
        topLogprobs: 2,
      }),
    )
    const results = await Promise.all(generations.map((generation) => generation.result()))
    const { data } = await model.logits([1, 2, 3], { positions: 'last' })
    const { active, kvCache } = model.stats()
    const { isas, processors } = native().machine()
    const tokens = results.map(({ tokens, text, logprobs }) => ({ tokens, text, logprobs }))
    return { tokens, data, active, pages: kvCache.pages, isas, processors }
  }
  const usual = await work()
  for (const member of members) Object.defineProperty(Object.prototype, member, property)
  const changed = work()
  await changed.catch(() => {})
  clean()
  expect(await changed).toEqual(usual)
})

it('errors of the addon keep their code', async () => {
  Object.defineProperty(Object.prototype, 'code', ways['swallows it'] as PropertyDescriptor)
  const failed = await model
    .generate('Once', { logitBias: { 9999: 1 } })
    .text()
    .catch((error) => error)
  clean()
  expect(failed.code).toBe('invalid_token')
  expect((await doctor({ measure: false })).isas.length).toBeGreaterThan(0)
})
