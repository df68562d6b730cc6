import { mkdir } from 'node:fs/promises'
import { describe, expect, it } from 'vitest'
import { type LoadProgress, load } from '../../lib/index.js'
import { bundledModelPath } from '../../lib/model/bundled.js'
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
