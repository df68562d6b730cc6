// Who may ask, by which name, from which page.
import { expect, test } from 'vitest'
import { createApp } from '../../../lib/server/index.js'
import { json } from '../requests.js'

const models = { tiny: {} }
const get = (app: ReturnType<typeof createApp>, path: string, headers: Record<string, string> = {}) =>
  app.request(path, { headers })

test('with keys, only requests with one of them are answered', async () => {
  const app = createApp({ models, apiKeys: ['first-key', 'second-key'] })
  for (const path of ['/v1/models', '/metrics', '/nothing']) {
    const refused = await get(app, path)
    expect(refused.status, path).toBe(401)
    expect(refused.headers.get('www-authenticate')).toBe('Bearer')
    expect((await json(refused)).error).toMatchObject({
      code: 'invalid_api_key',
      type: 'authentication_error',
    })
  }
  for (const key of ['first-key', 'second-key']) {
    expect((await get(app, '/v1/models', { Authorization: `Bearer ${key}` })).status).toBe(200)
    expect((await get(app, '/v1/models', { 'x-api-key': key })).status).toBe(200)
  }
  for (const key of ['first-ke', 'first-key1', 'FIRST-KEY', 'first-key second-key', ''])
    expect((await get(app, '/v1/models', { Authorization: `Bearer ${key}` })).status, key).toBe(401)
  expect((await get(app, '/v1/models', { Authorization: 'first-key' })).status).toBe(401)
})

test('whoever looks whether it lives needs no key', async () => {
  const app = createApp({ models, apiKeys: ['key'] })
  expect((await get(app, '/health')).status).toBe(200)
  expect((await get(app, '/ready')).status).toBe(200)
})

test('the server is called by its names alone, on any port', async () => {
  const app = createApp({ models, allowedHosts: ['localhost', '[::1]', 'Example.com'] })
  for (const Host of ['localhost', 'localhost:8080', 'LOCALHOST:1', '[::1]:8080', '[::1]', 'example.com'])
    expect((await get(app, '/v1/models', { Host })).status, Host).toBe(200)
  for (const Host of [
    'evil.com',
    'localhost.evil.com',
    'evil.com:80',
    'localhost@evil.com',
    '127.0.0.1',
    '[::2]',
  ]) {
    const refused = await get(app, '/v1/models', { Host })
    expect(refused.status, Host).toBe(403)
    expect((await json(refused)).error.code).toBe('host_not_allowed')
  }
})

test('no page of another origin reads anything, unless it may', async () => {
  const Origin = 'https://example.com'
  const preflight = { method: 'OPTIONS', headers: { Origin, 'Access-Control-Request-Method': 'POST' } }
  const allowed = 'access-control-allow-origin'

  const closed = createApp({ models })
  expect((await get(closed, '/v1/models', { Origin })).headers.has(allowed)).toBe(false)
  const refused = await closed.request('/v1/completions', preflight)
  expect(refused.status).toBe(405)
  expect(refused.headers.has(allowed)).toBe(false)

  const open = createApp({ models, cors: [Origin], apiKeys: ['key'] })
  const headers = { Origin, Authorization: 'Bearer key' }
  expect((await get(open, '/v1/models', headers)).headers.get(allowed)).toBe(Origin)
  expect(
    (await get(open, '/v1/models', { ...headers, Origin: 'https://evil.com' })).headers.has(allowed),
  ).toBe(false)
  const passed = await open.request('/v1/completions', preflight)
  expect(passed.status).toBe(204)
  expect(passed.headers.get(allowed)).toBe(Origin)
  expect((await get(createApp({ models, cors: ['*'] }), '/health', { Origin })).headers.get(allowed)).toBe(
    '*',
  )
})

test('a path says which methods it takes', async () => {
  const app = createApp({ models })
  const response = await app.request('/v1/completions')
  expect(response.status).toBe(405)
  expect(response.headers.get('allow')).toBe('POST')
  expect((await app.request('/v1/models', { method: 'HEAD' })).status).toBe(200)
  expect((await app.request('/v1/nothing', { method: 'BREW' })).status).toBe(404)
})

test('a request keeps the id that it came with, if that is a word', async () => {
  const app = createApp({ models })
  expect((await get(app, '/health', { 'x-request-id': 'abc-1.2:3' })).headers.get('x-request-id')).toBe(
    'abc-1.2:3',
  )
  for (const bad of ['a b', 'a"b', 'x'.repeat(129), '<script>'])
    expect((await get(app, '/nothing', { 'x-request-id': bad })).headers.get('x-request-id')).toMatch(
      /^req_\w{32}$/,
    )
})
