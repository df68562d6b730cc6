// Programs, and libraries that are careless with keys, put members into Object.prototype: what the addon gives must get through. Each way has a
// process of its own, so that whoever runs the tests need not bear it. `promise` is none of the members: Node.js itself aborts where that cannot be
// set while a file is read, as it is after a load.
import { expect, it } from 'vitest'
import { runScript } from '../process/run-script.js'

const rowMembers = ['request', 'token', 'text', 'cachedTokens', 'logprob', 'topIds', 'topLogprobs', 'finish']
const endMembers = ['queuedSeconds', 'prefillSeconds', 'decodeSeconds', 'logits', 'knownPages', 'pageBytes']
const otherMembers = ['code', 'abort', 'isas', 'processors', 'availableMemory', 'active', 'pages', 'isa']

/** Descriptors, as texts of programs. */
const ways = {
  'swallows it': '{ configurable: true, get: () => undefined, set: () => {} }',
  throws:
    "{ configurable: true, get: () => undefined, set: () => { throw new Error('no member of this name') } }",
  'is read-only': '{ configurable: true, writable: false, value: undefined }',
}

/** A program in which `change(members)` and `clean(members)` put members of the way into Object.prototype, and take them away. */
const program = (way: string, rest: string) => `
  import { createRequire } from 'node:module'
  import { load } from DIST
  const { native } = createRequire(DIST)('./native/load-binding.js')
  const members = ${JSON.stringify([...rowMembers, ...endMembers, ...otherMembers])}
  const change = (names) => { for (const name of names) Object.defineProperty(Object.prototype, name, ${way}) }
  const clean = (names) => { for (const name of names) Reflect.deleteProperty(Object.prototype, name) }
  const model = await load(undefined, { contextLength: 256, threads: 1 })
  ${rest}
  await model.close()
`

async function outputOf(source: string): Promise<unknown> {
  const { code, signal, stdout, stderr } = await runScript(source)
  expect({ code, signal, stderr }).toEqual({ code: 0, signal: null, stderr: '' })
  return JSON.parse(stdout)
}

it.each(Object.entries(ways))('a member of Object.prototype that %s', async (_, way) => {
  const [usual, changed] = (await outputOf(
    program(
      way,
      `const options = { maxTokens: 6, ignoreEos: true, logprobs: true, topLogprobs: 2 }
  const work = async () => {
    const generations = [1, 2].map((seed) => model.generate('Once upon a time', { ...options, seed }))
    const results = await Promise.all(generations.map((generation) => generation.result()))
    const { data } = await model.logits([1, 2, 3], { positions: 'last' })
    const { active, kvCache } = model.stats()
    const { isas, processors } = native().machine()
    const tokens = results.map(({ tokens, text, logprobs }) => ({ tokens: [...tokens], text, logprobs }))
    return { tokens, data: [...data], active, pages: kvCache.pages, isas, processors }
  }
  const usual = await work()
  change(members)
  const changed = await work().finally(() => clean(members))
  console.log(JSON.stringify([usual, changed]))`,
    ),
  )) as [{ tokens: { text: string }[] }, unknown]
  expect(usual.tokens[0]?.text).not.toBe('')
  expect(changed).toEqual(usual)
})

it('errors of the addon keep their code', async () => {
  const told = await outputOf(
    program(
      ways['swallows it'],
      `change(['code'])
  const failed = await model.generate('Once', { logitBias: { 9999: 1 } }).text().catch((error) => error)
  clean(['code'])
  console.log(JSON.stringify({ code: failed.code }))`,
    ),
  )
  expect(told).toEqual({ code: 'invalid_token' })
})
