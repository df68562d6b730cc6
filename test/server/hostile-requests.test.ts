// Requests that no honest client sends, or that go wrong in odd places: each is told what is wrong, in few words, and of the right member.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { load, type Model } from '../../lib/index.js'
import { createApp, type ServerApp } from '../../lib/server/index.js'
import { expectShortTurns } from '../longest-turn.js'
import { json, post } from './requests.js'

let model: Model
let app: ServerApp
const logged: string[] = []

beforeAll(async () => {
  model = await load(undefined, { threads: 1 })
  const keep = (fields: object, line: string) => void logged.push(line + JSON.stringify(fields))
  app = createApp({ models: { tiny: model }, log: { info: keep, warn: keep, error: keep } })
})
afterAll(() => model.close())

const message = '{"role": "user", "content": "x"}'
const paths = {
  completions: '/v1/completions',
  chat: '/v1/chat/completions',
  responses: '/v1/responses',
  messages: '/v1/messages',
  embeddings: '/v1/embeddings',
  rerank: '/v1/rerank',
  detokenize: '/detokenize',
  tokenize: '/tokenize',
}

describe('data within data within data', () => {
  const deep = `${'['.repeat(1e5)}${']'.repeat(1e5)}`
  test.each([
    [paths.completions, `{"prompt": "x", "suffix": ${deep}}`],
    [paths.completions, `{"prompt": "x", "user": ${deep}}`],
    [paths.chat, `{"messages": [${message}], "response_format": ${deep}}`],
    [paths.responses, `{"input": "x", "tools": [{"type": ${deep}}]}`],
    [
      paths.responses,
      `{"input": "x", "stream": true, "tool_choice": "none", "tools": [{"type": "function", "name": "f", "parameters": {"a": ${deep}}}]}`,
    ],
    [paths.messages, `{"max_tokens": 1, "messages": [${message}], "metadata": ${deep}}`],
  ])('%s', async (path, body) => {
    const response = await post(app, path, body)
    expect(response.status).toBe(400)
    expect((await json(response)).error.message).toMatch(/nested.* at most \d+ levels/)
  })

  test('brackets in a text are none', async () => {
    const prompt = '[{"\\'.repeat(400)
    expect((await json(post(app, paths.tokenize, { prompt }))).count).toBeGreaterThan(400)
  })
})

describe('what a client wrote comes back in few words, and goes into the log in few', () => {
  const long = 'k'.repeat(1e6)
  test.each<[string, object]>([
    [paths.completions, { prompt: 'x', [long]: 1 }],
    [paths.completions, { prompt: 'x', logit_bias: { [long]: 1 } }],
    ...Object.values(paths).map((path): [string, object] => [path, { model: long }]),
    [paths.completions, { model: long.slice(0, 512), prompt: 'x' }],
    [paths.embeddings, { model: long, input: 'x' }],
    [paths.rerank, { model: long, query: 'x', documents: ['x'] }],
    [paths.detokenize, { model: long, tokens: [] }],
    [paths.tokenize, { model: long, prompt: 'x' }],
  ])('%s', async (path, body) => {
    logged.length = 0
    const response = await post(app, path, body)
    expect([400, 404]).toContain(response.status)
    const text = await response.text()
    expect(text.length).toBeLessThan(2000)
    expect(logged.join('').length).toBeLessThan(4000)
  })

  test('and says first what is wrong', async () => {
    const { error } = await json(post(app, paths.completions, { prompt: 'x', [long]: 1 }))
    expect(error.message).toMatch(/^k+…: is no parameter of this request$/)
  })
})

describe('of which member', () => {
  const most = /^\w+: expected at most 2147483647, got 1099511627776/
  const messages = [{ role: 'user', content: 'x' }]
  test.each([
    [paths.completions, { prompt: 'x', max_tokens: 2 ** 40 }, 'max_tokens', most],
    [paths.chat, { messages, max_tokens: 2 ** 40 }, 'max_tokens', most],
    [paths.chat, { messages, max_completion_tokens: 2 ** 40 }, 'max_completion_tokens', most],
    [paths.responses, { input: 'x', max_output_tokens: 2 ** 40 }, 'max_output_tokens', most],
    [paths.completions, { prompt: 'x', logit_bias: { 5120: 1 } }, 'logit_bias', /^logit_bias: token 5120 /],
    [paths.completions, { prompt: [1, 5120], echo: true, max_tokens: 0 }, 'prompt', /token 5120 is not/],
    [
      paths.completions,
      { prompt: [[1], [5120]], echo: true, max_tokens: 0, logprobs: 1 },
      'prompt[1]',
      /5120/,
    ],
    [paths.detokenize, { tokens: [1, 5120] }, 'tokens', /^tokens: token 5120 is not in the vocabulary/],
    [paths.embeddings, { input: [5120] }, 'input', /^input: token 5120 /],
    [paths.embeddings, { input: ['x', 'a b '.repeat(3000)] }, 'input[1]', /^input\[1\]: .* tokens/],
    [paths.completions, [], null, /^the body: .*object/],
  ])('%s %j', async (path, body, param, words) => {
    const response = await post(app, path, body)
    expect(response.status).toBe(400)
    expect((await json(response)).error).toMatchObject({ param, message: expect.stringMatching(words) })
  })
})

test('a method that is not taken is told so in the words of the API', async () => {
  const { error, ...rest } = await json(app.request(paths.messages))
  expect(rest).toMatchObject({ type: 'error', request_id: expect.any(String) })
  expect(error).toEqual({
    type: 'invalid_request_error',
    message: '/v1/messages does not take GET, but POST',
  })
  expect((await json(app.request(paths.chat))).error.code).toBe('method_not_allowed')
})

test('a body that is packed is refused as such', async () => {
  const response = await post(app, paths.completions, { prompt: 'x' }, { 'Content-Encoding': 'gzip' })
  expect(response.status).toBe(415)
  expect((await json(response)).error.message).toContain('gzip')
})

describe('the event loop has its turn', () => {
  test('between the tokens of a long text', async () => {
    const body = JSON.stringify({ prompt: '🏴‍☠️'.repeat(60_000), return_token_strs: true })
    const { count, token_strs } = await json(post(app, paths.tokenize, body))
    expect(token_strs).toHaveLength(count)
    await expectShortTurns(200, async () => post(app, paths.tokenize, body))
  })
})
