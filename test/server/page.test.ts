// The page: who gets it, in what form, under which policy. What it does is tried in a browser, in test/page.
import { brotliDecompressSync, gunzipSync } from 'node:zlib'
import { Hono } from 'hono'
import { expect, test } from 'vitest'
import { createApp } from '../../lib/server/index.js'

const app = createApp({ models: { tiny: {} }, log: 'off' })
const get = (path: string, headers: Record<string, string> = {}) => app.request(path, { headers })

async function assetNames(): Promise<string[]> {
  return [...(await (await get('/')).text()).matchAll(/\.\/(assets\/[^"]+)"/g)].map(
    ([, name]) => name as string,
  )
}

test('is HTML that may load nothing but what came with it', async () => {
  const page = await get('/')
  expect(page.status).toBe(200)
  expect(page.headers.get('content-type')).toBe('text/html; charset=utf-8')
  const policy = page.headers.get('content-security-policy') as string
  expect(policy).toContain("default-src 'none'")
  expect(policy).not.toContain('unsafe')
  expect(page.headers.get('x-content-type-options')).toBe('nosniff')
  expect(page.headers.get('referrer-policy')).toBe('no-referrer')
  expect(page.headers.get('cache-control')).toBe('no-cache')
  const html = await page.text()
  expect(html).toMatch(/^<!doctype html>/i)
  expect(html).not.toMatch(/https?:|<script>|style=/)
})

test('has files that are kept for ever, packed as the client takes them', async () => {
  const names = await assetNames()
  expect(names.length).toBeGreaterThan(1)
  for (const name of names) {
    const plain = await get(`/${name}`)
    expect(plain.headers.get('content-encoding'), name).toBeNull()
    expect(plain.headers.get('cache-control'), name).toContain('immutable')
    const bytes = Buffer.from(await plain.arrayBuffer())
    for (const [accepted, encoding, unpack] of [
      ['gzip, deflate, br, zstd', 'br', brotliDecompressSync],
      ['gzip;q=1.0, br;q=0', 'gzip', gunzipSync],
    ] as const) {
      const packed = await get(`/${name}`, { 'Accept-Encoding': accepted })
      expect(packed.headers.get('content-encoding'), name).toBe(encoding)
      expect(packed.headers.get('vary'), name).toBe('Accept-Encoding')
      expect(unpack(Buffer.from(await packed.arrayBuffer())).equals(bytes), name).toBe(true)
    }
  }
})

test('is not sent again to whoever has it', async () => {
  const tag = (await get('/')).headers.get('etag') as string
  for (const known of [tag, `W/${tag}`, `"other", ${tag}`, '*'])
    expect((await get('/', { 'If-None-Match': known })).status, known).toBe(304)
  expect((await get('/', { 'If-None-Match': '"other"' })).status).toBe(200)
})

test('answers HEAD with the head, and other methods with 405', async () => {
  const head = await app.request('/', { method: 'HEAD' })
  expect([head.status, await head.text()]).toEqual([200, ''])
  expect(Number(head.headers.get('content-length'))).toBeGreaterThan(100)
  const post = await app.request('/', { method: 'POST' })
  expect([post.status, post.headers.get('allow')]).toEqual([405, 'GET, HEAD'])
})

test.each([
  '/assets/../index.js',
  '/assets/..%2findex.html',
  '/assets/..%2f..%2fserver%2findex.js',
  '/assets/%2e%2e%2f%2e%2e%2fpackage.json',
  '/assets/....//package.json',
  '/assets/%00',
  '/assets/',
  '/assets/index.html',
  '/index.html.gz',
])('gives nothing else away: %s', async (path) => {
  expect((await get(path)).status).toBe(404)
})

test('is there without a key, but not under another name', async () => {
  const guarded = createApp({
    models: { tiny: {} },
    apiKeys: ['one'],
    allowedHosts: ['localhost'],
    log: 'off',
  })
  const ask = (path: string, Host: string) => guarded.request(path, { headers: { Host } })
  expect((await ask('/', 'localhost:8080')).status).toBe(200)
  expect((await ask('/v1/models', 'localhost:8080')).status).toBe(401)
  expect((await ask('/', 'evil.com')).status).toBe(403)
})

test('can be left out', async () => {
  const bare = createApp({ models: { tiny: {} }, page: false, log: 'off' })
  expect((await bare.request('/')).status).toBe(404)
  expect((await bare.request('/assets/x.js')).status).toBe(404)
})

test('lies where the app is mounted, and leads there', async () => {
  const mine = new Hono()
  mine.route('/llm', app)
  const there = await mine.request('/llm')
  expect([there.status, there.headers.get('location')]).toEqual([308, '/llm/index.html'])
  expect((await mine.request('/llm/index.html')).status).toBe(200)
  const [name] = await assetNames()
  expect((await mine.request(`/llm/${name}`)).status).toBe(200)
})
