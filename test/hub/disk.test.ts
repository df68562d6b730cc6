import { lstat, mkdir, readFile, writeFile } from 'node:fs/promises'
import { beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { explainDisk } from '../../lib/hub/disk.js'
import { PartialFile } from '../../lib/hub/partial-file.js'
import { QuernError } from '../../lib/index.js'
import { temporaryFolder } from '../model/temporary.js'
import { fakeHub, noisyRepo, quickPull } from './hub.js'

/** What this disk refuses. */
const refused = vi.hoisted(() => new Set<string>())
vi.mock('node:fs/promises', async (original) => {
  const real = await original<typeof import('node:fs/promises')>()
  const refuse = (name: 'link' | 'symlink') =>
    vi.fn(async (...paths: [string, string]) => {
      if (refused.has(name)) throw Object.assign(new Error('EPERM'), { code: 'EPERM', syscall: name })
      return real[name](...paths)
    })
  return { ...real, link: refuse('link'), symlink: refuse('symlink') }
})

const temporary = temporaryFolder()
const hub = fakeHub()
beforeEach(() => refused.clear())

describe('a disk', () => {
  it.each([
    ['symbolic links', ['symlink'], 2],
    ['links', ['symlink', 'link'], 1],
  ] as const)('without %s gets another kind of file', async (name, missing, links) => {
    const repo = noisyRepo(100_000)
    hub.current.repos.set('org/name', repo)
    for (const one of missing) refused.add(one)
    const { path } = await quickPull('org/name', { cacheDir: temporary.join(name) })
    const file = await lstat(`${path}/model.safetensors`)
    expect({ isFile: file.isFile(), links: file.nlink }).toEqual({ isFile: true, links })
    expect(
      (await readFile(`${path}/model.safetensors`)).equals(repo.files['model.safetensors'] as Buffer),
    ).toBe(true)
  })

  it('that is full says so, and so does one that cannot be written', () => {
    const error = (code: string) => Object.assign(new Error(`${code}: it is so`), { code, syscall: 'write' })
    for (const [code, expected] of [
      ['ENOSPC', 'disk_full'],
      ['EDQUOT', 'disk_full'],
      ['EROFS', 'write_error'],
      ['EACCES', 'write_error'],
    ] as const) {
      const explained = explainDisk(error(code), '/cache') as QuernError
      expect(explained.code).toBe(expected)
      expect(explained.message).toMatch(/^\/cache: .*; make .*, or choose another cacheDir/)
    }
    const other = new Error('other')
    expect(explainDisk(other, '/cache')).toBe(other)
    const known = new QuernError('hub_offline', 'x')
    expect(explainDisk(known, '/cache')).toBe(known)
  })
})

describe('a partial file', () => {
  beforeAll(() => mkdir(temporary.join('partial')))
  const open = (name: string, bytes = 100) => PartialFile.open(temporary.join('partial', name), bytes)

  it('remembers its pieces, in whatever order they come', async () => {
    const first = await open('a')
    await first.write(50, Buffer.alloc(10, 'b'))
    await first.write(0, Buffer.alloc(20, 'a'))
    await first.write(60, Buffer.alloc(5, 'c'))
    expect(first.loaded).toBe(35)
    await first.close()
    const again = await open('a')
    expect(again.missing()).toEqual([
      { start: 20, end: 50 },
      { start: 65, end: 100 },
    ])
    await again.write(20, Buffer.alloc(30))
    await again.write(65, Buffer.alloc(35))
    expect(again.missing()).toEqual([])
    await again.reset()
    expect(again.missing()).toEqual([{ start: 0, end: 100 }])
    await again.close()
  })

  it('believes no journal that says more than the file holds, or nonsense', async () => {
    const first = await open('b')
    await first.write(0, Buffer.alloc(10))
    await first.close()
    await writeFile(temporary.join('partial', 'b.journal'), '0 5\n0 90\n7 3\n-1 4\nx y\n8 9 10\n6 8\n9')
    const again = await open('b')
    expect(again.missing()).toEqual([
      { start: 5, end: 6 },
      { start: 8, end: 100 },
    ])
    await again.close()
    // The hub says another size now.
    const smaller = await open('b', 7)
    expect(smaller.missing()).toEqual([{ start: 0, end: 7 }])
    await smaller.close()
  })
})
