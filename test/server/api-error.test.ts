// What clients are told of failures: what they can mend, and nothing of the server's files.
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createApp, type ServerApp } from '../../lib/server/index.js'
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
    },
  })
})
afterAll(() => app.close())

const messages = [{ role: 'user', content: 'Hello' }]

test.each([
  ['no-tokenizer', '/tokenize', { prompt: 'Hello' }, 400, /tokenizer/],
  ['no-template', '/v1/messages/count_tokens', { messages }, 400, /template/],
  ['broken', '/tokenize', { prompt: 'Hello' }, 500, /missing_file/],
])('%s', async (model, path, body, status, message) => {
  const response = await post(app, path, { model, ...body })
  expect(response.status).toBe(status)
  const { error } = await json(response)
  expect(error.message).toMatch(message)
  expect(error.message).not.toMatch(/[\\/]/)
})
