// The pages of a session between its file and a cache: checked before any is used, lost ones left out, and a disk that is full.
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { beforeEach, describe, expect, test, vi } from 'vitest'
import { Requests } from '../../lib/generation/requests.js'
import { QuernError } from '../../lib/index.js'
import type { NativeModel, NativePages } from '../../lib/native/binding.js'
import { loadSession } from '../../lib/session/load-session.js'
import { saveSession } from '../../lib/session/save-session.js'
import type { SessionModel } from '../../lib/session/session-model.js'
import { rowsOf } from '../generation/rows.js'
import { temporaryFolder } from '../model/temporary.js'
import { pagesOf } from './forged-file.js'

/** What the disk does to writes: the error code of the next ones, after so many bytes. */
const disk = vi.hoisted(() => ({ failure: undefined as string | undefined, room: Number.POSITIVE_INFINITY }))
vi.mock('node:fs/promises', async (original) => {
  const real = await original<typeof import('node:fs/promises')>()
  const open = async (...args: Parameters<typeof real.open>) => {
    const file = await real.open(...args)
    const write = file.write.bind(file) as (...args: unknown[]) => Promise<{ bytesWritten: number }>
    const sync = file.sync.bind(file)
    return Object.assign(file, {
      write: async (bytes: Uint8Array, offset: number, length: number, position: number) => {
        if (disk.failure !== undefined && position + length > disk.room)
          throw Object.assign(new Error(disk.failure), { code: disk.failure })
        return write(bytes, offset, Math.min(length, 700_001), position) // never all at once
      },
      sync: async () => {
        if (disk.failure === 'EIO') throw Object.assign(new Error('EIO'), { code: 'EIO' })
        return sync()
      },
    })
  }
  return { ...real, open }
})
beforeEach(() => {
  disk.failure = undefined
  disk.room = Number.POSITIVE_INFINITY
})

const folder = temporaryFolder()
const pageBytes = 1024 * 1024
const pageCount = 9
const tokens = Int32Array.from({ length: 16 * pageCount + 3 }, (_, i) => i)
const messages = [{ role: 'user' as const, content: 'What about it?' }]
/** Bytes that say which page they are. */
const page = (number: number): Buffer => Buffer.alloc(pageBytes, number + 1)

/** A cache that knows `known` pages of the tokens, and notes what it is given. */
class FakeCache implements SessionModel {
  readonly requests = new Requests()
  readonly given: { first: number; bytes: Uint8Array }[] = []
  /** By the length of what conversation, and for how many positions. */
  readonly asked: { tokens: number; positions: number }[] = []
  /** How many it knows by each transfer from now on; the last one stays. */
  known: number[]
  #request = 0

  constructor(...known: number[]) {
    this.known = known
  }

  readonly onWarning = (message: string) => {
    throw new Error(message)
  }
  readonly reply = (): never => {
    throw new Error('nobody asks')
  }
  readonly refused = this.reply
  readonly encode = async () => tokens
  readonly identity = async () => ({
    fingerprint: 'fingerprint',
    source: 'made up',
    arithmetic: 'plain',
    pageBytes,
    kvGroups: 1,
    longestSequence: 1000,
    vocab: 1000,
  })

  get pages() {
    const model = { submit: (order: NativePages) => this.#copy(order) }
    return { model: model as unknown as NativeModel, requests: this.requests, origin: 0 }
  }

  #copy({ tokens, positions, first, count, bytes }: NativePages): number {
    this.asked.push({ tokens: tokens.length, positions })
    const request = ++this.#request
    let known = (this.known.length > 1 ? this.known.shift() : this.known[0]) as number
    if (bytes !== undefined) {
      this.given.push({ first, bytes })
      known = first + bytes.length / pageBytes
    }
    const there = Array.from({ length: Math.max(0, Math.min(known - first, count)) }, (_, i) =>
      page(first + i),
    )
    const answer = { request, kind: 'pages' as const, known, pages: known, bytes: Buffer.concat(there) }
    setImmediate(() => this.requests.deliver(...rowsOf([], [answer])))
    return request
  }
}

async function saved(name: string, model: FakeCache): Promise<Buffer> {
  await saveSession(folder.join(name), messages, {}, model)
  return readFile(folder.join(name))
}
const temporaryFiles = async () => (await readdir(folder.join('.'))).filter((name) => name.endsWith('.tmp'))

describe('saving', () => {
  test('all pages that the cache knows, each in its place', async () => {
    const file = await saved('whole', new FakeCache(pageCount))
    expect(pagesOf(file).map((bytes) => bytes.equals(page((bytes[0] as number) - 1)))).toEqual(
      Array(pageCount).fill(true),
    )
    expect(pagesOf(file).map((bytes) => (bytes[0] as number) - 1)).toEqual([...Array(pageCount).keys()])
    expect(await temporaryFiles()).toEqual([])
  })

  test.each([
    ['none is left', [9, 0], 0],
    ['the second part is gone', [9, 9, 4, 4], 4],
    ['some of the second part are gone', [9, 9, 6, 6], 6],
    ['they go one by one, again and again', [9, 9, 7, 7, 5, 5, 3], 3],
    ['more are known by then', [3, 9], 3],
  ])('pages that are lost meanwhile are left out: %s', async (_, known, left) => {
    const file = await saved('lossy', new FakeCache(...known))
    expect(pagesOf(file).map((bytes) => (bytes[0] as number) - 1)).toEqual([...Array(left).keys()])
    const cache = new FakeCache(0)
    const session = await loadSession(folder.join('lossy'), {}, cache)
    expect(session.messages).toEqual(messages)
    expect(Buffer.concat(cache.given.map(({ bytes }) => bytes)).length).toBe(left * pageBytes)
  })

  test.each([
    ['ENOSPC', 0, 'disk_full'],
    ['ENOSPC', 5_000_000, 'disk_full'],
    ['EDQUOT', 100, 'disk_full'],
    ['EACCES', 2_000_000, 'write_error'],
    ['EIO', Number.POSITIVE_INFINITY, 'write_error'],
  ])('%s after %i bytes leaves what was there, and nothing else', async (failure, room, code) => {
    const path = folder.join('there')
    await writeFile(path, 'as it was')
    Object.assign(disk, { failure, room })
    const error = await saveSession(path, messages, {}, new FakeCache(pageCount)).catch((reason) => reason)
    expect(error).toBeInstanceOf(QuernError)
    expect(error).toMatchObject({ code, value: path, cause: { code: failure } })
    expect(await readFile(path, 'utf8')).toBe('as it was')
    expect(await temporaryFiles()).toEqual([])
  })

  test('an engine that fails leaves nothing either', async () => {
    const cache = new FakeCache(pageCount)
    const { pages } = cache
    const submit = (order: NativePages) => {
      if (order.count > 0) throw new Error('closed')
      return pages.model.submit(order)
    }
    Object.defineProperty(cache, 'pages', { value: { ...pages, model: { submit } } })
    await expect(saveSession(folder.join('failed'), messages, {}, cache)).rejects.toThrow('closed')
    expect(await temporaryFiles()).toEqual([])
  })
})

test('the cache is asked for the beginning of the whole conversation, on which angles may depend', async () => {
  const [cache, later] = [new FakeCache(9, 5, 5), new FakeCache(0)]
  await saved('part', cache)
  await loadSession(folder.join('part'), {}, later)
  expect(cache.asked.at(-1)).toEqual({ tokens: tokens.length, positions: 5 * 16 })
  expect(later.asked[0]).toEqual(cache.asked.at(-1))
})

describe('loading', () => {
  test('gives the cache every page, in parts and in order', async () => {
    const file = await saved('whole', new FakeCache(pageCount))
    const cache = new FakeCache(0)
    await loadSession(folder.join('whole'), {}, cache)
    expect(cache.given.length).toBeGreaterThan(1)
    let next = 0
    for (const { first, bytes } of cache.given) {
      expect(first).toBe(next)
      next += bytes.length / pageBytes
    }
    expect(Buffer.concat(cache.given.map(({ bytes }) => bytes)).equals(Buffer.concat(pagesOf(file)))).toBe(
      true,
    )
  })

  test('no page is used of a file that is damaged anywhere', async () => {
    const file = await saved('whole', new FakeCache(pageCount))
    const first = file.length - pageCount * (pageBytes + 32)
    for (const number of [0, 3, 4, 7, pageCount - 1]) {
      const at = first + number * (pageBytes + 32)
      for (const offset of [at, at + pageBytes - 1, at + pageBytes, at + pageBytes + 31]) {
        const damaged = Buffer.from(file)
        damaged[offset] = (damaged[offset] as number) ^ 1
        await writeFile(folder.join('damaged'), damaged)
        const cache = new FakeCache(0)
        await expect(loadSession(folder.join('damaged'), {}, cache)).rejects.toMatchObject({
          code: 'invalid_session',
        })
        expect(cache.given, `page ${number}, byte ${offset - at}`).toEqual([])
      }
    }
  })
})
