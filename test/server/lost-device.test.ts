// Served models whose device fails. The library of test/native/late stands for a GPU's.
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest'
import { load } from '../../lib/index.js'
import { type AppOptions, createApp, type ServerApp, serve } from '../../lib/server/index.js'
import { lateLibrary } from '../late-library.js'
import { expectCode } from '../model/expect-code.js'
import { eventsOf, type Json, json, post } from './requests.js'

beforeEach(() => {
  vi.stubEnv('QUERN_DEVICE_LIBRARY', '')
  vi.stubEnv('QUERN_CUDA_LIBRARY', lateLibrary)
})
afterEach(() => {
  vi.restoreAllMocks()
  vi.unstubAllEnvs()
})

const onGpu = { options: { device: 'cuda', threads: 1 } } as const

/** An app, and what it logs: `level: line`. */
function appOf(models: AppOptions['models']) {
  const lines: string[] = []
  const logger = (level: string) => (_: object, line: string) => void lines.push(`${level}: ${line}`)
  const log = { info: logger('info'), warn: logger('warn'), error: logger('error') }
  const app = createApp({ models, log })
  onTestFinished(() => app.close({ grace: 0 }))
  return { app, ofModels: () => lines.filter((line) => line.includes(': model ')) }
}

const body = { prompt: 'Once upon a time', max_tokens: 4, ignore_eos: true }
const ask = (app: ServerApp, more = {}) => post(app, '/v1/completions', { ...body, ...more })
const probes = async (app: ServerApp) =>
  (await Promise.all(['/health', '/ready'].map((path) => app.request(path)))).map(({ status }) => status)

/** The next device that is made fails with its third step, and those after it do not. */
async function loadedToFail(app: ServerApp) {
  vi.stubEnv('QUERN_LATE_LOST', '3')
  await ask(app, { max_tokens: 1 })
  vi.stubEnv('QUERN_LATE_LOST', '')
}

describe('a model whose device fails', () => {
  it('is loaded again by the next request', async () => {
    const { app, ofModels } = appOf({ tiny: onGpu })
    await loadedToFail(app)
    const failed = await Promise.all([ask(app), ask(app), ask(app)])
    for (const response of failed) {
      expect([response.status, response.headers.get('retry-after')]).toEqual([503, '1'])
      expect((await json(response)).error.code).toBe('device_failed')
    }
    expect(await probes(app)).toEqual([200, 200])
    expect((await json(app.request('/v1/models'))).data[0].status).toBe('unloaded')
    expect((await ask(app)).status).toBe(200)
    expect(ofModels()).toEqual([
      expect.stringMatching(/^error: model tiny: its device failed; the next request .* lost with step 3$/),
      'info: model tiny: it is loaded again, on late device',
    ])
  })

  it('is loaded again whatever met the failure: a stream, embeddings', async () => {
    const { app } = appOf({ tiny: onGpu })
    await loadedToFail(app)
    const events = await eventsOf(await ask(app, { stream: true, max_tokens: 40 }))
    expect(events.some(({ data }: Json) => data.error?.code === 'device_failed')).toBe(true)
    vi.stubEnv('QUERN_LATE_LOST', '1')
    expect((await post(app, '/v1/embeddings', { input: 'a text' })).status).toBe(503)
    vi.stubEnv('QUERN_LATE_LOST', '')
    expect((await post(app, '/v1/embeddings', { input: 'a text' })).status).toBe(200)
  })

  it('fails the probes where it cannot be loaded again, until it can', async () => {
    for (const [name, value, code] of [
      ['QUERN_LATE_DEVICES', '0', 'device_failed'],
      ['QUERN_LATE_PROBLEM', 'gone', 'no_device'],
    ] as const) {
      const { app, ofModels } = appOf({ tiny: onGpu, other: {} })
      await loadedToFail(app)
      await ask(app)
      vi.stubEnv(name, value)
      const failed = await ask(app)
      expect(failed.headers.get('retry-after')).toBe(null)
      expect((await json(failed)).error.code).toBe(code)
      expect(await probes(app)).toEqual([503, 503])
      const { error } = await json(app.request('/ready'))
      expect(error).toMatchObject({ code, message: expect.stringContaining('restart the process') })
      expect(ofModels().slice(1)).toEqual([
        expect.stringMatching(/^error: model tiny: it cannot be loaded, and the process must be restarted: /),
      ])
      vi.stubEnv(name, undefined)
      expect((await ask(app)).status).toBe(200)
      expect(await probes(app)).toEqual([200, 200])
    }
  })

  it('is left alone for a while after the third failure in a row, and longer after each more', async () => {
    const { app, ofModels } = appOf({ tiny: onGpu, other: { options: { device: 'cpu', threads: 1 } } })
    let ahead = 0
    const now = performance.now.bind(performance)
    vi.spyOn(performance, 'now').mockImplementation(() => now() + ahead)
    vi.stubEnv('QUERN_LATE_LOST', '1')
    for (const _ of [1, 2]) {
      await ask(app)
      expect(await probes(app)).toEqual([200, 200])
    }
    for (const pause of [5, 10]) {
      const failed = await ask(app)
      for (const refused of [
        failed,
        await ask(app),
        await app.request('/health'),
        await app.request('/ready'),
      ]) {
        expect(refused.status).toBe(503)
        expect(refused.headers.get('retry-after')).toBe(`${pause}`)
        expect((await json(refused)).error.message).toMatch(/ failed \d times in a row, .* before \d+ s /)
      }
      expect((await ask(app, { model: 'other' })).status).toBe(200)
      ahead += 1e3 * pause
      expect(await probes(app)).toEqual([200, 200])
    }
    vi.stubEnv('QUERN_LATE_LOST', '')
    expect((await ask(app)).status).toBe(200)
    const logged = ofModels().map((line) => line.replace(/ late: lost .*/, ''))
    const again = 'error: model tiny: its device failed; the next request that wants it loads it again:'
    const loaded = 'info: model tiny: it is loaded again, on late device'
    const left = (count: number, pause: number) =>
      `error: model tiny: its device failed ${count} times in a row: for ${pause} s nobody has it loaded again:`
    expect(logged).toEqual([again, loaded, again, loaded, left(3, 5), loaded, left(4, 10), loaded])
  })

  it('is not promised for later where only a new process can load it', async () => {
    const { app } = appOf({ tiny: onGpu })
    await loadedToFail(app)
    await ask(app)
    vi.stubEnv('QUERN_LATE_DEVICES', '0')
    for (const failed of [await ask(app), await ask(app), await ask(app)]) {
      expect([failed.status, failed.headers.get('retry-after')]).toEqual([503, null])
      expect((await json(failed)).error.message).toContain('restart the process')
    }
  })

  it('is not left alone where a request succeeds in between', async () => {
    const { app } = appOf({ tiny: onGpu })
    for (const _ of [1, 2, 3, 4]) {
      await loadedToFail(app)
      expect((await json(ask(app))).error.code).toBe('device_failed')
    }
    expect(await probes(app)).toEqual([200, 200])
  })

  it('is left alone too where a request that makes it fail succeeds in part', async () => {
    const { app } = appOf({ tiny: onGpu })
    const slow = new Array(1500).fill(3) // it takes more steps than there are before the failure
    vi.stubEnv('QUERN_LATE_LOST', '3')
    for (const _ of [1, 2, 3]) {
      expect(await probes(app)).toEqual([200, 200])
      const failed = await ask(app, { prompt: [[3, 4, 5], slow], max_tokens: 1 })
      expect((await json(failed)).error.code).toBe('device_failed')
    }
    expect(await probes(app)).toEqual([503, 503])
  })

  it('has others that may hold its device let go of it', async () => {
    const { app } = appOf({ tiny: onGpu, other: onGpu })
    await loadedToFail(app)
    await ask(app, { model: 'other' })
    await ask(app)
    vi.stubEnv('QUERN_LATE_DEVICES', '0')
    await ask(app)
    vi.stubEnv('QUERN_LATE_DEVICES', undefined)
    const { data } = await json(app.request('/v1/models'))
    expect(data.map(({ status }: Json) => status)).toEqual(['unloaded', 'unloaded'])
    for (const model of ['tiny', 'other']) expect((await ask(app, { model })).status).toBe(200)
  })

  it('has others let go of its device alone where it insists on one', async () => {
    vi.stubEnv('QUERN_LATE_FREE', '9000000000,9000000000')
    const place = (device: 'cuda:0' | 'cuda:1') => ({ options: { device, threads: 1 } })
    const { app } = appOf({ tiny: place('cuda:0'), same: place('cuda:0'), else: place('cuda:1') })
    for (const model of ['same', 'else']) await ask(app, { model, max_tokens: 1 })
    vi.stubEnv('QUERN_LATE_DEVICES', '0')
    expect((await ask(app)).status).toBe(503)
    const { data } = await json(app.request('/v1/models'))
    expect(data.map(({ status }: Json) => status)).toEqual(['unloaded', 'unloaded', 'loaded'])
  })

  it('is lost to all that are on that device', async () => {
    vi.stubEnv('QUERN_LATE_FREE', '9000000000,9000000000')
    const place = (device: 'cpu' | 'cuda:0' | 'cuda:1') => ({ options: { device, threads: 1 } })
    const models = { tiny: place('cuda:1'), same: place('cuda:1'), else: place('cuda:0'), cpu: place('cpu') }
    const { app, ofModels } = appOf(models)
    await loadedToFail(app)
    for (const model of ['same', 'else', 'cpu']) await ask(app, { model })
    const running = ask(app, { model: 'same', max_tokens: 200 })
    await ask(app)
    const { data } = await json(app.request('/v1/models'))
    expect(data.map(({ status }: Json) => status)).toEqual(['unloaded', 'unloaded', 'loaded', 'loaded'])
    expect(ofModels()[1]).toBe(
      'error: model same: along with that of model tiny, its device failed; the next request that wants it loads it again',
    )
    expect((await running).status).toBe(200) // what it has computed is an answer all the same
    for (const model of ['same', 'tiny']) expect((await ask(app, { model })).status).toBe(200)
    expect(ofModels().slice(2)).toEqual(
      ['same', 'tiny'].map((name) => `info: model ${name}: it is loaded again, on late device`),
    )
    const again = await json(app.request('/v1/models'))
    expect(again.data.map(({ status }: Json) => status)).toEqual(Array(4).fill('loaded'))
  })

  it("goes on on the CPU, and says so, where the GPU is not given back and 'auto' may choose", async () => {
    const { app, ofModels } = appOf({ tiny: { options: { threads: 1 } } })
    await loadedToFail(app)
    await ask(app)
    vi.stubEnv('QUERN_LATE_PROBLEM', 'gone')
    expect((await ask(app)).status).toBe(200)
    expect(await probes(app)).toEqual([200, 200])
    expect(ofModels().slice(1)).toEqual([
      'error: model tiny: it is loaded again on the CPU, for no GPU took it',
    ])
  })

  it("has others let go of its GPU before 'auto' looks for one", async () => {
    const either = { options: { threads: 1 } }
    const { app } = appOf({ tiny: either, other: either })
    await loadedToFail(app)
    await ask(app, { model: 'other' })
    await ask(app)
    expect((await ask(app)).status).toBe(200)
    const { data } = await json(app.request('/v1/models'))
    expect(data.map(({ status }: Json) => status)).toEqual(['loaded', 'unloaded'])
  })

  it('fails the probes where it was given loaded, as only its owner can load it again', async () => {
    vi.stubEnv('QUERN_LATE_LOST', '3')
    const model = await load(undefined, onGpu.options)
    onTestFinished(() => model.close())
    const { app, ofModels } = appOf({ tiny: model })
    for (const failed of [await ask(app), await ask(app)])
      expect([failed.status, failed.headers.get('retry-after')]).toEqual([503, null])
    expect(await probes(app)).toEqual([503, 503])
    expect(ofModels()).toEqual([expect.stringContaining('only its owner can load it again')])
  })
})

describe('what a model is to be loaded with', () => {
  it('is looked at when the app is made', async () => {
    const made = (options: object) => async () => createApp({ models: { a: {}, b: { options } } })
    const error = await expectCode(made({ device: 'nonsense' }), 'invalid_option')
    expect(error.message).toMatch(/^models\.b\.options: device: expected one of .*, got "nonsense"$/)
    await expectCode(made({ dtype: 'foo' }), 'invalid_option')
    await expectCode(made({ devise: 'cuda' }), 'unsupported_option')
  })

  it('must have its device when the server begins', async () => {
    const models = { a: {}, b: { options: { device: 'cuda:7' } } } as const
    const error = await expectCode(() => serve({ models, port: 0 }), 'no_device')
    expect(error.message).toContain("got 'cuda:7'")
  })

  it('is no mistake of who asks', async () => {
    const { app } = appOf({ tiny: { options: { contextLength: 100_000 } } })
    const response = await ask(app)
    expect(response.status).toBe(500)
    expect((await json(response)).error).toMatchObject({ code: 'invalid_option', type: 'server_error' })
  })
})
