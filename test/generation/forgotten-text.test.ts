// `await model.chat('hi')` gives a Generation: what shows it says what to call.
import { inspect } from 'node:util'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { load, type Model } from '../../lib/index.js'

let model: Model
beforeAll(async () => {
  model = await load()
})
afterAll(() => model.close())

it('says what to call, whatever prints it', async () => {
  const generation = await model.chat('hi', { maxTokens: 1 })
  const hint = /^.?\[Generation: await its text\(\) or result\(\), or iterate it\].?$/
  expect(`${generation}`).toMatch(hint)
  expect(inspect(generation)).toMatch(hint)
  expect(JSON.stringify(generation)).toMatch(hint)
  expect(inspect({ answer: generation }, { depth: 0 })).toContain('await its text()')
  await generation.text()
})
