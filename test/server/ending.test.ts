// How a server ends: what runs goes on for a while, nothing new begins.
import { afterEach, expect, test } from 'vitest'
import { load, type Model } from '../../lib/index.js'
import { createApp, type RunningServer, serve } from '../../lib/server/index.js'
import { eventually } from '../eventually.js'
import { json, post } from './requests.js'
import { ask, raw, streamed } from './streams.js'

let model: Model | undefined
let server: RunningServer | undefined
afterEach(async () => {
  await server?.close({ grace: 0 })
  await model?.close()
})

const long = { prompt: 'Once', max_tokens: 900, temperature: 0, ignore_eos: true, stream: true }

/** A server and a stream that has begun. */
async function begin(options: { grace?: number } = {}) {
  model = await load(undefined, { threads: 1 })
  const started = await serve({ models: { tiny: model }, port: 0, log: 'off', ...options })
  server = started
  let hasBegun = false
  const stream = ask(`${started.url}/v1/completions`, long, () => {
    hasBegun = true
  })
  await eventually(() => hasBegun, 'the stream begins')
  return { server: started, stream, model }
}

test('a stream that runs comes to its end, and no connection is taken meanwhile', async () => {
  const { server, stream } = await begin()
  const closed = server.close()
  await expect(ask(`${server.url}/v1/completions`, { prompt: 'x' })).rejects.toThrow('ECONNREFUSED')
  expect(streamed((await stream).text).isWhole).toBe(true)
  await closed
})

test('what still runs after the time is told so, as an event; the model stays its owner’s', async () => {
  const { server, stream, model } = await begin()
  await server.close({ grace: 0 })
  const { text } = await stream
  expect(streamed(text).isWhole).toBe(false)
  expect(text).toContain('"code":"closing"')
  expect(await model.generate('Once', { maxTokens: 2 }).text()).not.toBe('')
})

test('a second close() hurries the first', async () => {
  const { server, stream } = await begin({ grace: 600 })
  const first = server.close()
  await server.close({ grace: 0 })
  await first
  expect((await stream).text).toContain('"code":"closing"')
})

test('while it ends it is alive, not ready, and takes no requests', async () => {
  model = await load(undefined, { threads: 1 })
  const app = createApp({ models: { tiny: model } })
  expect((await app.request('/ready')).status).toBe(200)
  const running = post(app, '/v1/completions', { ...long, stream: false })
  const ended = app.close()
  expect((await app.request('/health')).status).toBe(200)
  expect((await app.request('/ready')).status).toBe(503)
  const refused = await post(app, '/v1/completions', { prompt: 'x' })
  expect(refused.status).toBe(503)
  expect(refused.headers.get('retry-after')).toBe('1')
  expect((await json(refused)).error.code).toBe('closing')
  expect((await running).status).toBe(200)
  await ended
})

test('while its models are loaded for the first time it is not ready', async () => {
  const app = createApp({ models: { tiny: { options: { threads: 1 } } } })
  const loaded = app.preload()
  expect((await app.request('/ready')).status).toBe(503)
  await loaded
  expect((await app.request('/ready')).status).toBe(200)
  await app.close()
})

test('a port that is taken says by whom', async () => {
  const { server } = await begin()
  const port = Number(new URL(server.url).port)
  await expect(serve({ models: { tiny: {} }, port })).rejects.toMatchObject({
    code: 'cannot_listen',
    message: expect.stringContaining('another quern serves there'),
  })
  await expect(serve({ models: { tiny: {} }, port: 0, host: '192.0.2.1' })).rejects.toThrow(
    'is no address of this machine',
  )
})

test('a server that everybody reaches and may use warns', async () => {
  const warnings: string[] = []
  const options = {
    models: { tiny: {} },
    port: 0,
    host: '0.0.0.0',
    onWarning: (text: string) => warnings.push(text),
  }
  await (await serve(options)).close()
  await (await serve({ ...options, apiKeys: ['key'] })).close()
  expect(warnings).toEqual([expect.stringContaining('give it API keys')])
})

/** A model that takes seconds to load. */
const large = { source: 'random:qwen3-0.6b', options: { contextLength: 64, threads: 1 } }

test('a request is told that its time is up, or that the server ends, while its model is loaded', async () => {
  const request = { prompt: [1, 2], max_tokens: 1 }
  for (const [options, code] of [
    [{ timeout: 0.2 }, 'timeout'],
    [{}, 'closing'],
  ] as const) {
    const app = createApp({ models: { large }, log: 'off', ...options })
    let isLoaded = false
    void app.preload().then(
      () => {
        isLoaded = true
      },
      () => {},
    )
    const answer = post(app, '/v1/completions', request)
    const closed = code === 'closing' ? app.close({ grace: 0.2 }) : undefined
    expect((await json(answer)).error.code).toBe(code)
    expect(isLoaded).toBe(false)
    await (closed ?? app.close({ grace: 0 }))
  }
})

test('once closed it loads nothing, whoever had asked for it', async () => {
  const app = createApp({ models: { a: { options: { threads: 1 } }, b: { options: { threads: 1 } } } })
  const preloaded = expect(app.preload()).rejects.toMatchObject({ code: 'closing' })
  await app.close()
  await preloaded
  await expect(app.preload()).rejects.toMatchObject({ code: 'closing' })
  const metrics = await (await app.request('/metrics')).text()
  expect(metrics).toMatch(/^quern_model_loaded\{model_name="a"\} 0\nquern_model_loaded\{model_name="b"\} 0$/m)
})

test('a body that does not come keeps nobody: neither the time of a request nor the end of the server', async () => {
  // After a request that is answered: then the server has taken the connection.
  const head =
    'GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n' +
    'POST /tokenize HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{'
  for (const [options, code] of [
    [{ timeout: 0.2 }, 'timeout'],
    [{}, 'closing'],
  ] as const) {
    server = await serve({ models: { tiny: {} }, port: 0, log: 'off', ...options })
    let isTaken = false
    const answer = raw(Number(new URL(server.url).port), head, undefined, () => {
      isTaken = true
    })
    await eventually(() => isTaken, 'the first answer')
    const closed = code === 'closing' ? server.close({ grace: 0.1 }) : undefined
    expect(await answer).toContain(`"code":"${code}"`)
    await (closed ?? server.close({ grace: 0 }))
  }
})
