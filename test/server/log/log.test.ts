import { afterAll, beforeAll, expect, test } from 'vitest'
import { load, type Model } from '../../../lib/index.js'
import { createApp } from '../../../lib/server/index.js'
import { loggerOf } from '../../../lib/server/log/logger.js'
import { post } from '../requests.js'

let model: Model
beforeAll(async () => {
  model = await load(undefined, { threads: 1 })
})
afterAll(() => model.close())

/** A logger that keeps what it is told. */
function keeper() {
  const told: { level: string; fields: Record<string, unknown>; line: string }[] = []
  const keep = (level: string) => (fields: object, line: string) =>
    void told.push({ level, fields: { ...fields }, line })
  return { told, log: { info: keep('info'), warn: keep('warn'), error: keep('error') } }
}

test('a line for each request: what it was, took and gave', async () => {
  const { told, log } = keeper()
  const app = createApp({ models: { tiny: model }, log })
  const request = { prompt: 'Once upon a time', max_tokens: 8, ignore_eos: true }
  await post(app, '/v1/completions', request, { 'x-request-id': 'mine-1' })
  await (await post(app, '/v1/completions?secret=1', { ...request, stream: true })).text()
  await post(app, '/v1/completions', { ...request, temperature: 9 })
  await app.request('/health')
  await app.request('/nothing')
  expect(told.map(({ level }) => level)).toEqual(['info', 'info', 'warn', 'warn'])
  expect(told[3]?.fields).toMatchObject({ path: '/nothing', status: 404, code: 'not_found' })
  expect(told[0]?.fields).toMatchObject({
    ...{ id: 'mine-1', method: 'POST', path: '/v1/completions', status: 200, model: 'tiny' },
    ...{ prompt_tokens: 4, completion_tokens: 8, first_token_ms: expect.any(Number), ms: expect.any(Number) },
  })
  expect(told[1]?.fields).toMatchObject({ path: '/v1/completions', completion_tokens: 8 })
  expect(told[2]?.fields).toMatchObject({ status: 400, message: expect.stringContaining('temperature') })
  expect(told[0]?.line).toMatch(
    /^POST \/v1\/completions 200 \d+ ms, tiny, 4 \+ 8 tokens, first after \d+ ms \(mine-1\)$/,
  )
})

test('what went wrong here is in the log, and never in the answer', async () => {
  const { told, log } = keeper()
  const app = createApp({ models: { gone: { source: '/nowhere/secret-folder' } }, log })
  const response = await post(app, '/v1/completions', { prompt: 'x' })
  expect(response.status).toBe(500)
  const text = await response.text()
  expect(text).not.toContain('secret-folder')
  expect(text).not.toContain('.ts:')
  expect(told[0]).toMatchObject({ level: 'error', fields: { code: 'missing_file', status: 500 } })
  expect((told[0]?.fields.error as Error | undefined)?.message).toContain('secret-folder')
})

test('lines of JSON, and readable ones that no request can forge', () => {
  let written = ''
  const write = (text: string) => {
    written = text
  }
  const fields = { id: 'a', error: new Error('outer', { cause: new Error('inner') }) }
  loggerOf('json', write).error(fields, 'it failed')
  expect(JSON.parse(written)).toMatchObject({
    level: 'error',
    id: 'a',
    error: { message: 'outer', stack: expect.any(String), cause: { message: 'inner' } },
  })
  loggerOf('text', write).info({}, 'GET /\x1b[31m 200\r')
  expect(written).toMatch(/^\d\d:\d\d:\d\d GET \/\?\[31m 200\?\n$/)
  loggerOf('text', write).warn({}, 'GET /a\n12:00:00 GET /forged 200\u2028x')
  expect(written).toMatch(/^\d\d:\d\d:\d\d GET \/a\?12:00:00 GET \/forged 200\?x\n$/)
  loggerOf('text', write).error({ error: new Error('a\n12:00:00 forged') }, 'it failed')
  expect(written).toMatch(/ it failed\n {2}Error: a\n {2}12:00:00 forged\n/)
  written = ''
  loggerOf('errors', write).warn({}, 'x')
  loggerOf('off', write).error({}, 'x')
  expect(written).toBe('')
})
