import { mkdir } from 'node:fs/promises'
import { resolve } from 'node:path'
import { describe, expect, it } from 'vitest'
import { bundledModelPath } from '../../lib/checkpoint/bundled.js'
import { inspect, type LoadProgress, load, pull } from '../../lib/index.js'
import { loadModel } from '../../lib/model/load.js'
import { expectCode } from '../model/expect-code.js'
import { temporaryFolder } from '../model/temporary.js'
import { commit } from './fake-hub.js'
import { fakeHub, quick } from './hub.js'

const temporary = temporaryFolder()
const hub = fakeHub()
const options = { maxTokens: 12, temperature: 0 }

describe('load', () => {
  it('downloads a model of the hub and runs it like the folder', async () => {
    hub.current.serveFolder('quern/tiny', bundledModelPath())
    const cacheDir = temporary.join('first')
    const seen: LoadProgress[] = []
    const fetched = await load('quern/tiny', { cacheDir, onProgress: (progress) => seen.push(progress) })
    const bundled = await load()
    const expected = await bundled.generate('Once upon a time', options).text()
    expect(await fetched.generate('Once upon a time', options).text()).toBe(expected)
    expect(fetched.info.source).toBe('quern/tiny')
    const phases = seen.map(({ phase }) => phase)
    expect(new Set(phases)).toEqual(new Set(['download', 'load']))
    expect(phases).toEqual([...phases].sort())
    for (const phase of ['download', 'load']) {
      const last = seen.filter((one) => one.phase === phase).at(-1)
      expect(last?.loadedBytes).toBe(last?.totalBytes)
    }
    await Promise.all([bundled.close(), fetched.close()])
  })

  it('takes the address of a model for its id', async () => {
    hub.current.serveFolder('quern/tiny', bundledModelPath())
    const cacheDir = temporary.join('address')
    const address = `${hub.current.endpoint}/quern/tiny`
    const fetched = await load(`${address}/tree/main`, { cacheDir })
    expect(fetched.info.source).toBe('quern/tiny')
    await fetched.close()
    hub.current.seen.length = 0
    expect(await pull(address, { cacheDir })).toMatchObject({ revision: commit, downloadedBytes: 0 })
    expect(await inspect(new URL(address), { cacheDir })).toMatchObject({ kind: 'hub', revision: commit })
    await expectCode(() => pull(`${address}/tree/v1`, { cacheDir, revision: 'v2' }), 'invalid_option')
    await expectCode(() => pull('https://example.com/quern/tiny', { cacheDir }), 'invalid_input')
  })

  it('says that there is no folder of that name either', async () => {
    const cacheDir = temporary.join('neither')
    for (const call of [load, inspect]) {
      const { message } = await expectCode(() => call('models/absent', { cacheDir }), 'hub_not_found')
      expect(message).toContain(`there is no ${resolve('models/absent')}`)
    }
    process.env.HF_HUB_OFFLINE = '1'
    const { message } = await expectCode(() => load('models/absent', { cacheDir }), 'hub_offline')
    expect(message).toContain(`there is no ${resolve('models/absent')}`)
  })

  it('needs no network the second time, nor a hub that works', async () => {
    hub.current.serveFolder('quern/tiny', bundledModelPath())
    const cacheDir = temporary.join('first')
    process.env.HF_HUB_OFFLINE = '1'
    const seen: LoadProgress[] = []
    await (
      await load('quern/tiny', { cacheDir, revision: 'main', onProgress: (one) => seen.push(one) })
    ).close()
    expect(seen.every(({ phase }) => phase === 'load')).toBe(true)
    expect(hub.current.seen).toEqual([])
    delete process.env.HF_HUB_OFFLINE
    hub.current.faults = [(_, response) => Boolean(response.writeHead(503).end())]
    const warnings: string[] = []
    await (await load('quern/tiny', { cacheDir, onWarning: (text) => warnings.push(text) })).close()
    expect(warnings).toEqual([
      expect.stringContaining(`The cached copy of quern/tiny is used, commit ${commit}`),
    ])
    await expectCode(
      () => loadModel('quern/tiny', { cacheDir: temporary.join('empty') }, { hub: quick }),
      'hub_unavailable',
    )
  })

  it('prefers a folder of that name', async () => {
    const cwd = process.cwd()
    await mkdir(temporary.join('org', 'name'), { recursive: true })
    process.chdir(temporary.join('.'))
    try {
      await expectCode(() => load('org/name'), 'missing_file')
    } finally {
      process.chdir(cwd)
    }
    expect(hub.current.seen).toEqual([])
  })

  it('refuses what is neither', async () => {
    for (const source of ['./quern/tiny', '/quern/tiny', '~/tiny', 'a/b/c', 'org/name.safetensors'])
      await expectCode(() => load(source), 'missing_file')
    await expectCode(() => load(undefined, { revision: 'main' }), 'unsupported_option')
    await expectCode(() => load('quern/tiny', { cacheDir: '' }), 'invalid_option')
    await expectCode(() => load('quern/tiny', { revision: '../x' }), 'invalid_option')
    expect(hub.current.seen).toEqual([])
  })
})
