// A cache that somebody else writes to as well: nothing in it leads out of it, keeps a download waiting, or costs more than its size.
import { execFileSync } from 'node:child_process'
import { link, mkdir, readdir, readFile, rename, symlink, writeFile } from 'node:fs/promises'
import { beforeEach, describe, expect, it } from 'vitest'
import { PartialFile } from '../../lib/hub/partial-file.js'
import { expectLinear } from '../linear.js'
import { expectCode } from '../model/expect-code.js'
import { temporaryFolder } from '../model/temporary.js'
import { gitHash } from './fake-hub.js'
import { fakeHub, noisyRepo, quickPull } from './hub.js'

const temporary = temporaryFolder()
const hub = fakeHub()
const id = 'org/name'
let made = 0
let cacheDir = ''
let repo = ''
let locks = ''
let hash = ''

beforeEach(async () => {
  const served = noisyRepo(70_000)
  hub.current.repos.set(id, served)
  hash = gitHash(served.files['config.json'] as Buffer)
  cacheDir = temporary.join(`cache-${made++}`)
  repo = `${cacheDir}/models--org--name`
  locks = `${cacheDir}/.locks/models--org--name`
  for (const folder of [`${repo}/blobs`, `${repo}/refs`, locks, `${cacheDir}-outside`])
    await mkdir(folder, { recursive: true })
  await writeFile(`${cacheDir}-outside/victim`, 'precious')
})

const victim = () => `${cacheDir}-outside/victim`

async function expectPulled(): Promise<void> {
  const { path } = await quickPull(id, { cacheDir })
  expect(await readdir(path)).toContain('model.safetensors')
  expect(await readFile(victim(), 'utf8')).toBe('precious')
  expect(await readdir(`${cacheDir}-outside`)).toEqual(['victim'])
}

describe('in a shared cache', () => {
  it.each(['.quern.incomplete', '.quern.incomplete.journal', ''])(
    'a link at blobs/<hash>%s is not followed',
    async (end) => {
      await symlink(victim(), `${repo}/blobs/${hash}${end}`)
      await expectPulled()
    },
  )

  it.each(['.quern.incomplete', '.quern.incomplete.journal'])(
    'a second name of a file at blobs/<hash>%s is not written to',
    async (end) => {
      await link(victim(), `${repo}/blobs/${hash}${end}`)
      await expectPulled()
    },
  )

  it.each(['.quern.incomplete', '.quern.incomplete.journal', ''])(
    'a pipe at blobs/<hash>%s keeps nobody waiting',
    async (end) => {
      execFileSync('mkfifo', [`${repo}/blobs/${hash}${end}`])
      await expectPulled()
    },
  )

  it('a pipe or a link is no ref', async () => {
    execFileSync('mkfifo', [`${repo}/refs/main`])
    await expectPulled()
    expect(await readFile(`${repo}/refs/main`, 'utf8')).toHaveLength(40)
  })

  it.each<[string, (path: string) => unknown]>([
    ['a pipe', (path) => execFileSync('mkfifo', [path])],
    ['a link', (path) => symlink(victim(), path)],
    ['a file of any size', (path) => writeFile(path, Buffer.alloc(1e6, '{'))],
  ])('%s is nobody’s lock', async (_, make) => {
    await make(`${locks}/${hash}.quern.lock`)
    await expectPulled()
    expect(await readdir(locks)).toEqual([])
  })

  it.each(['blobs', 'snapshots', 'refs', '.locks'])(
    'a link at %s is refused, or not written through',
    async (folder) => {
      const place = folder === '.locks' ? `${cacheDir}/.locks` : `${repo}/${folder}`
      await rename(place, `${place}-before`).catch(() => {})
      await symlink(`${cacheDir}-outside`, place)
      if (folder === 'refs') return expectPulled()
      const { message } = await expectCode(() => quickPull(id, { cacheDir }), 'unsafe_path')
      expect(message).toContain(`${place}: expected a folder of the cache, found a link`)
      expect(await readdir(`${cacheDir}-outside`)).toEqual(['victim'])
    },
  )

  it('the cache itself and a model’s folder may be links: people move them to larger disks', async () => {
    await rename(repo, `${repo}-moved`)
    await symlink(`${repo}-moved`, repo)
    await rename(cacheDir, `${cacheDir}-moved`)
    await symlink(`${cacheDir}-moved`, cacheDir)
    await symlink(`${cacheDir}-moved/models--org--name-moved`, `${cacheDir}-moved/models--org--name-new`)
    await rename(`${cacheDir}-moved/models--org--name-new`, `${cacheDir}-moved/models--org--name`)
    await expectPulled()
  })
})

describe('the journal of a partial file', () => {
  it('of twice the pieces takes twice the time', async () => {
    /** Opens one whose pieces touch nowhere. */
    await expectLinear(20_000, async (pieces) => {
      const path = temporary.join(`pieces-${pieces}`)
      await writeFile(path, Buffer.alloc(4 * pieces))
      const spans = Array.from({ length: pieces }, (_, i) => 4 * ((i * 7919) % pieces))
      await writeFile(`${path}.journal`, spans.map((start) => `${start} ${start + 2}\n`).join(''))
      const partial = await PartialFile.open(path, 4 * pieces)
      expect(partial.loaded).toBe(2 * pieces)
      expect(partial.missing()).toHaveLength(pieces)
      await partial.close()
    })
  })

  it('that is longer than any is not read', async () => {
    const path = temporary.join('endless-journal')
    await writeFile(path, Buffer.alloc(100))
    await writeFile(`${path}.journal`, '0 100\n'.repeat(800_000))
    const partial = await PartialFile.open(path, 100)
    expect(partial.loaded).toBe(0)
    await partial.close()
  })
})
