import { readdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { describe, expect, it } from 'vitest'
import { bundledModelPath } from '../../lib/checkpoint/bundled.js'
import { inspect, pull } from '../../lib/index.js'
import { expectCode } from '../model/expect-code.js'
import { temporaryFolder } from '../model/temporary.js'
import { commit } from './fake-hub.js'
import { fakeHub, noisyRepo } from './hub.js'

const temporary = temporaryFolder()
const hub = fakeHub()
const leftovers = () => readdirSync(tmpdir()).filter((name) => name.startsWith('quern-headers-'))

describe('inspect', () => {
  it.each([[false], [true]])(
    'tells what a model of the hub holds, by its headers (ranges ignored: %s)',
    async (ignoreRanges) => {
      hub.current.serveFolder('quern/tiny', bundledModelPath())
      hub.current.ignoreRanges = ignoreRanges
      const before = leftovers()
      const cacheDir = temporary.join(`headers-${ignoreRanges}`)
      const { plan, kind, path, revision, ...model } = await inspect('quern/tiny', { cacheDir })
      const { plan: bundledPlan, kind: _, path: bundledPath, ...bundled } = await inspect()
      expect(model).toEqual(bundled)
      expect({ kind, path, revision }).toEqual({
        kind: 'hub',
        path: `${cacheDir}/models--quern--tiny/snapshots/${commit}`,
        revision: commit,
      })
      expect(plan).toEqual({
        ...bundledPlan,
        files: bundledPlan?.files.map((file) => ({ ...file, path: file.path.replace(bundledPath, path) })),
      })
      const ofWeights = hub.current.gets('model.safetensors').filter(({ server }) => server === 'cdn')
      expect(ofWeights.map(({ range }) => range)).toEqual(['bytes=0-524287'])
      if (!ignoreRanges) expect(hub.current.sent).toBeLessThan(1_200_000)
      expect(leftovers()).toEqual(before)
      // What is not complete is not taken for a model.
      process.env.HF_HUB_OFFLINE = '1'
      await expectCode(() => inspect('quern/tiny', { cacheDir }), 'hub_offline')
    },
  )

  it('asks for a long header a second time, and complains of a damaged one', async () => {
    const { files } = noisyRepo(0)
    const header = Buffer.from(
      `{"a": {"dtype": "U8", "shape": [8], "data_offsets": [0, 8]}${' '.repeat(600_000)}}`,
    )
    const length = Buffer.alloc(8)
    length.writeBigUInt64LE(BigInt(header.length))
    files['model.safetensors'] = Buffer.concat([length, header, Buffer.alloc(8)])
    hub.current.repos.set('org/long', { commit, files })
    await expectCode(() => inspect('org/long', { cacheDir: temporary.join('long') }), 'missing_tensor')
    expect(hub.current.gets('model.safetensors').at(-1)?.range).toBe(`bytes=0-${header.length + 7}`)
    length.writeBigUInt64LE(2n ** 50n)
    files['model.safetensors'] = Buffer.concat([length, header])
    await expectCode(() => inspect('org/long', { cacheDir: temporary.join('wrong') }), 'header_too_large')
    expect(leftovers()).toEqual([])
  })

  it('takes what is in the cache', async () => {
    hub.current.serveFolder('quern/tiny', bundledModelPath())
    const cacheDir = temporary.join('cached')
    const { path } = await pull('quern/tiny', { cacheDir })
    const sent = hub.current.sent
    expect(await inspect('quern/tiny', { cacheDir })).toMatchObject({
      kind: 'hub',
      path,
      parameters: 5_443_584,
    })
    expect(hub.current.sent).toBe(sent)
    process.env.HF_HUB_OFFLINE = '1'
    expect(await inspect('quern/tiny', { cacheDir })).toMatchObject({ kind: 'hub', path })
  })

  it('refuses a revision of a folder', async () => {
    await expectCode(() => inspect(bundledModelPath(), { revision: 'main' }), 'unsupported_option')
  })
})
