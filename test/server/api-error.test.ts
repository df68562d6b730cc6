// What clients are told of failures: what they can mend, and nothing of the server's files.
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createApp, type ServerApp } from '../../lib/server/index.js'
import { finalNorm, makeBroken, nan } from '../model/broken-model.js'
import { temporaryFolder } from '../model/temporary.js'
import { makeWithTemplate } from '../model/with-template.js'
import { json, post } from './requests.js'

const folder = temporaryFolder()
let app: ServerApp

beforeAll(async () => {
  const source = await makeWithTemplate(folder.join('a-model'), undefined)
  app = createApp({
    models: {
      'no-tokenizer': { source, options: { tokenizer: false } },
      'no-template': { source },
      broken: { source: folder.join('nothing-here') },
      nan: { source: makeBroken(folder.join('nan'), finalNorm, nan) },
    },
  })
})
afterAll(() => app.close())

const messages = [{ role: 'user', content: 'Hello' }]

test.each([
  ['no-tokenizer', '/tokenize', { prompt: 'Hello' }, 400, /tokenizer/],
  ['no-template', '/v1/messages/count_tokens', { messages }, 400, /template/],
  ['broken', '/tokenize', { prompt: 'Hello' }, 500, /^the model cannot be used \(missing_file\)/],
  [
    'nan',
    '/v1/completions',
    { prompt: [1, 2] },
    500,
    /^the model gave no finite numbers for this request \(not_finite\)/,
  ],
])('%s', async (model, path, body, status, message) => {
  const response = await post(app, path, { model, ...body })
  expect(response.status).toBe(status)
  const { error } = await json(response)
  expect(error.message).toMatch(message)
  expect(error.message).not.toMatch(/[\\/]/)
})
