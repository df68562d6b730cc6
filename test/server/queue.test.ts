import { expect, test } from 'vitest'
import { load } from '../../lib/index.js'
import { createApp } from '../../lib/server/index.js'
import { json, post } from './requests.js'

test('a full queue answers 429 and says when to come again', async () => {
  // Memory for one request at a time, and one that may wait.
  const model = await load(undefined, {
    threads: 1,
    contextLength: 512,
    maxQueue: 1,
    kvCache: { maxBytes: 2 ** 20 },
  })
  const app = createApp({ models: { tiny: model } })
  const request = { prompt: 'Once upon a time', max_tokens: 400, ignore_eos: true }
  const answers = await Promise.all(Array.from({ length: 40 }, () => post(app, '/v1/completions', request)))
  const refused = answers.filter(({ status }) => status === 429)
  expect(answers.filter(({ status }) => status === 200).length + refused.length).toBe(40)
  expect(refused.length).toBeGreaterThan(0)
  for (const answer of refused) {
    expect(answer.headers.get('retry-after')).toBe('1')
    expect((await json(answer)).error).toMatchObject({
      type: 'rate_limit_error',
      code: 'rate_limit_exceeded',
    })
  }
  await model.close()
})
