// The document says what is served.
import { afterAll, beforeAll, expect, test } from 'vitest'
import { endpoints } from '../../lib/server/endpoints.js'
import { createApp, type ServerApp } from '../../lib/server/index.js'
import { type Json, json } from './requests.js'

let app: ServerApp
let document: Json
beforeAll(async () => {
  app = createApp({ models: { tiny: {} } })
  document = await json(app.request('/openapi.json'))
})
afterAll(() => app.close())

test('every endpoint is in it, with what it takes and gives', () => {
  const operations = Object.entries<Json>(document.paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method} ${path}`),
  )
  const rows = endpoints.map(({ method, path }) => `${method} ${path.replace(/:(\w+)(\{.*\})?/, '{$1}')}`)
  expect(operations.sort()).toEqual(rows.sort())
  const { post } = document.paths['/v1/responses']
  expect(post.requestBody.content['application/json'].schema).toMatchObject({
    type: 'object',
    additionalProperties: false,
    required: ['input'],
  })
  expect(Object.keys(post.responses[200].content)).toEqual(['application/json', 'text/event-stream'])
})

test('each has a schema of its answer', () => {
  for (const { path, answer, answerType } of endpoints)
    if (path !== '/openapi.json' && answerType === undefined) expect(answer, path).toBeDefined()
})

test('operations have names of their own, and no schema refers to what is not there', () => {
  const ids = Object.values<Json>(document.paths).flatMap((methods) =>
    Object.values<Json>(methods).map(({ operationId }) => operationId),
  )
  expect(new Set(ids).size).toBe(ids.length)
  const refs = [...JSON.stringify(document).matchAll(/"\$ref":"([^"]+)"/g)].map(([, ref]) => ref as string)
  for (const ref of refs) expect(ref).toMatch(/^#\/components\/schemas\/(openai|anthropic)_error$/)
})
