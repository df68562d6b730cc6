// /tokenize and /detokenize.
import { afterAll, beforeAll, expect, test } from 'vitest'
import { load, type Model } from '../../lib/index.js'
import { createApp, type ServerApp } from '../../lib/server/index.js'
import { json, post } from './requests.js'

let model: Model
let app: ServerApp

beforeAll(async () => {
  model = await load(undefined, { threads: 1 })
  app = createApp({ models: { tiny: model } })
})
afterAll(() => model.close())

const text = 'Grüße 🌍 <|im_end|>'

test("a text's tokens, and the text of these", async () => {
  const tokens = [...model.tokenizer.encode(text)]
  expect(await json(post(app, '/tokenize', { prompt: text }))).toEqual({
    count: tokens.length,
    max_model_len: 2048,
    tokens,
  })
  expect(await json(post(app, '/detokenize', { tokens }))).toEqual({ prompt: text })
})

test('each token with its text', async () => {
  const { tokens, token_strs } = await json(post(app, '/tokenize', { prompt: text, return_token_strs: true }))
  expect(token_strs).toHaveLength(tokens.length)
  expect(token_strs.at(-1)).toBe('<|im_end|>')
})

test('an empty text has none', async () => {
  expect(await json(post(app, '/tokenize', { prompt: '' }))).toMatchObject({ count: 0, tokens: [] })
  expect(await json(post(app, '/detokenize', { tokens: [] }))).toEqual({ prompt: '' })
})

test.each([
  ['/tokenize', { prompt: 5 }, 'prompt'],
  ['/tokenize', { prompt: 'x', add_special_token: true }, 'add_special_token'],
  ['/detokenize', { tokens: [1, -1] }, 'tokens[1]'],
  ['/detokenize', { tokens: [1, 1.5] }, 'tokens[1]'],
])('%s %j: %s is wrong', async (path, body, param) => {
  const response = await post(app, path, body)
  expect(response.status).toBe(400)
  expect((await json(response)).error.param).toBe(param)
})
