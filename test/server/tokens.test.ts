// /tokenize and /detokenize.
import { expect, test } from 'vitest'
import { json, post } from './requests.js'
import { tinyApp } from './tiny-app.js'

const { model, app } = await tinyApp()

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

test("a conversation's, as its answer counts them", async () => {
  const messages = [{ role: 'user', content: 'What is the weather in Paris?' }]
  const parameters = { type: 'object', properties: {} }
  const tools = [{ type: 'function', function: { name: 'get_weather', parameters } }]
  for (const body of [{}, { tools }]) {
    const { count, tokens } = await json(post(app, '/tokenize', { messages, ...body }))
    const { usage } = await json(post(app, '/v1/chat/completions', { messages, ...body, max_tokens: 1 }))
    expect([count, tokens.length]).toEqual([usage.prompt_tokens, usage.prompt_tokens])
  }
  const { tokens } = await json(post(app, '/tokenize', { messages, add_generation_prompt: false }))
  const { prompt } = await json(post(app, '/detokenize', { tokens }))
  expect(prompt).toBe(model.chatTemplate.render([{ role: 'user', content: 'What is the weather in Paris?' }]))
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
