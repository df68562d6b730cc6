// What clients are told of failures: what they can mend, and nothing of the server's files.
import { cp } from 'node:fs/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { bundledModelPath } from '../../lib/model/bundled.js'
import { createApp, type ServerApp } from '../../lib/server/index.js'
import { temporaryFolder } from '../model/temporary.js'
import { json, post } from './requests.js'

const folder = temporaryFolder()
let app: ServerApp

beforeAll(async () => {
  await cp(bundledModelPath(), folder.join('a-model'), { recursive: true })
  const source = folder.join('a-model')
  app = createApp({
    models: {
      'no-tokenizer': { source, options: { tokenizer: false } },
      broken: { source: folder.join('nothing-here') },
    },
  })
})
afterAll(() => app.close())

test.each([
  ['no-tokenizer', 400, 'no_tokenizer'],
  ['broken', 500, 'missing_file'],
])('%s', async (model, status, code) => {
  const response = await post(app, '/tokenize', { model, prompt: 'Hello' })
  expect(response.status).toBe(status)
  const { error } = await json(response)
  expect(error.code).toBe(code)
  expect(error.message).not.toMatch(/[\\/]/)
})
