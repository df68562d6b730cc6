import { readdir, writeFile } from 'node:fs/promises'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { QuernError } from '../../lib/index.js'
import { expectCode } from '../model/expect-code.js'
import { temporaryFolder } from '../model/temporary.js'
import { fakeHub, noisyRepo, quickPull, treeOf } from './hub.js'

const temporary = temporaryFolder()
const hub = fakeHub()
const id = 'org/name'
const indexName = 'model.safetensors.index.json'

/** A repository with an index that speaks of the given files. */
function serveIndex(text: string, more: Record<string, Buffer> = {}): void {
  const { files, commit } = noisyRepo(1000)
  const shard = files['model.safetensors'] as Buffer
  delete files['model.safetensors']
  hub.current.repos.set(id, {
    commit,
    files: { ...files, 'model-1.safetensors': shard, [indexName]: Buffer.from(text), ...more },
  })
}

const anything = fc.oneof(
  fc.constantFrom<unknown>(
    '../../evil',
    '/etc/passwd',
    '',
    '\0',
    -1,
    2 ** 60,
    1e308,
    Number.NaN,
    null,
    [],
    {},
    true,
    '../'.repeat(40),
    'a'.repeat(70_000),
  ),
  fc.jsonValue(),
)

describe('a hostile hub', () => {
  it('that changes its list of files gets errors at most, and writes nothing outside of the cache', async () => {
    await writeFile(temporary.join('canary'), 'alive')
    let round = 0
    const change = fc.record({
      file: fc.nat(),
      field: fc.constantFrom(
        'rfilename',
        'size',
        'blobId',
        'lfs',
        'lfs.size',
        'lfs.sha256',
        'sha',
        'siblings',
        '',
      ),
      value: anything,
    })
    await fc.assert(
      fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 3 }), async (changes) => {
        hub.current.reset()
        hub.current.repos.set(id, noisyRepo(70_000))
        hub.current.editListing = (listing) => {
          const edited = structuredClone(listing)
          for (const { file, field, value } of changes) {
            const siblings = Array.isArray(edited.siblings) ? edited.siblings : []
            const place = file % Math.max(1, siblings.length)
            const sibling = siblings[place]
            if (field === 'sha' || field === 'siblings') edited[field] = value
            else if (field === '') siblings[place] = value
            else if (typeof sibling === 'object' && sibling !== null) {
              const [outer = '', inner] = field.split('.')
              if (inner === undefined) sibling[outer] = value
              else sibling[outer] = { ...sibling[outer], [inner]: value }
            }
          }
          return edited
        }
        const cacheDir = temporary.join('caches', String(round++))
        try {
          await quickPull(id, { cacheDir }, { attempts: 2 })
        } catch (error) {
          expect(error).toBeInstanceOf(QuernError)
          expect((error as QuernError).message.length).toBeLessThan(2000)
        }
        const outside = treeOf(cacheDir).filter((path) => !/^(models--org--name|\.locks)(\/|$)/.test(path))
        expect(outside).toEqual([])
      }),
      { numRuns: 120 },
    )
    expect((await readdir(temporary.join('.'))).sort()).toEqual(['caches', 'canary'])
    expect(treeOf(temporary.join('caches')).filter((path) => path.includes('evil'))).toEqual([])
  })

  it.each([
    '../../evil.safetensors',
    '/etc/evil.safetensors',
    'a/../../evil.safetensors',
    './evil.safetensors',
    'a\\..\\evil.safetensors',
    'evil\0.safetensors',
    'config.json',
    '.hidden.safetensors',
    `${'x'.repeat(300)}.safetensors`,
    7,
    null,
    ['a.safetensors'],
  ])('cannot name the shard %j', async (shard) => {
    serveIndex(JSON.stringify({ weight_map: { a: shard } }), { [String(shard)]: Buffer.from('evil') })
    await expectCode(() => quickPull(id, { cacheDir: temporary.join('names') }), 'unsafe_path')
  })

  it.each([
    '',
    '{',
    'null',
    '[]',
    '{"weight_map": {}}',
    '{"weight_map": 3}',
    '{"weight_map": {"a": "absent.safetensors"}}',
  ])('cannot have the index %s', async (text) => {
    serveIndex(text)
    await expectCode(() => quickPull(id, { cacheDir: temporary.join('index') }), 'invalid_index')
  })

  it('cannot have an index of any size or number of files', async () => {
    serveIndex('{}')
    hub.current.editListing = (listing) => {
      const siblings = structuredClone(listing.siblings) as { rfilename: string; size: number }[]
      for (const sibling of siblings) if (sibling.rfilename === indexName) sibling.size = 2 ** 33
      return { ...listing, siblings }
    }
    const before = hub.current.sent
    const error = await expectCode(() => quickPull(id, { cacheDir: temporary.join('huge') }), 'invalid_index')
    expect(error.message).toMatch(/8589934592 bytes, at most 67108864 are read/)
    expect(hub.current.sent).toBe(before)
    hub.current.editListing = (listing) => listing
    serveIndex(
      JSON.stringify({
        weight_map: Object.fromEntries(Array.from({ length: 10_001 }, (_, i) => [i, `${i}.safetensors`])),
      }),
    )
    await expectCode(() => quickPull(id, { cacheDir: temporary.join('many') }), 'invalid_index')
  })
})
