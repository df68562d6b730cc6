import { createHash } from 'node:crypto'
import { once } from 'node:events'
import {
  chmod,
  cp,
  truncate as cutFile,
  lstat,
  readdir,
  readFile,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { bundledModelPath } from '../../lib/checkpoint/bundled.js'
import { load, type Model, QuernError, type Session } from '../../lib/index.js'
import { pagePositions } from '../../lib/native/constants.js'
import { fixturePath } from '../golden.js'
import { expectShortTurns } from '../longest-turn.js'
import { temporaryFolder } from '../model/temporary.js'
import { pagesOf, withHeader } from './forged-file.js'

const folder = temporaryFolder()
const greedy = { temperature: 0, maxTokens: 32 }
const code = (code: string) => expect.objectContaining({ code })

/** A conversation of some pages. */
async function talk(model: Model): Promise<Session> {
  const session = model.session({
    system: 'You are a fox who only speaks of what foxes do all day.',
    ...greedy,
  })
  await session.chat('What is the capital of France?').text()
  await session.chat('Tell me a very short story about a fox.').text()
  return session
}

describe('a session in a file', () => {
  let model: Model
  let session: Session
  let path: string
  let bytes: Buffer
  beforeAll(async () => {
    model = await load()
    session = await talk(model)
    path = folder.join('fox.session')
    await session.save(path)
    bytes = await readFile(path)
  })
  afterAll(() => model.close())
  const warnings: string[] = []
  const fresh = (options = {}) =>
    load(undefined, { onWarning: (message) => warnings.push(message), ...options })
  const save = async (name: string, content: Uint8Array) => {
    await writeFile(folder.join(name), content)
    return folder.join(name)
  }

  test('goes on elsewhere without computing anew, to the same words', async () => {
    const other = await fresh()
    const loaded = await other.loadSession(path, greedy)
    expect(loaded.messages).toEqual(session.messages)
    expect(other.stats().kvCache).toMatchObject({ pagesInUse: 0, pagesCached: expect.any(Number) })
    const next = await loaded.chat('And what does the fox do at night?').result()
    expect(next.usage.cachedTokens).toBeGreaterThan(next.usage.promptTokens * 0.7)
    expect(next.text).toBe(await session.fork().chat('And what does the fox do at night?').text())
    expect(warnings).toEqual([])
    await other.close()
  })

  test('saves over an older file, leaves nothing else, and an empty session too', async () => {
    const empty = model.session()
    const there = await save('older.session', Buffer.from('older'))
    await empty.save(there)
    expect((await model.loadSession(there)).messages).toEqual([])
    expect((await readdir(folder.join('.'))).filter((name) => name.includes('.tmp'))).toEqual([])
    await expect(session.save(folder.join('no', 'such', 'folder'))).rejects.toThrow(code('write_error'))
    await expect(session.save(folder.join('.'))).rejects.toThrow(code('write_error'))
    const socket = createServer().listen(folder.join('socket')) // a stand-in for a device
    await once(socket, 'listening')
    await expect(session.save(folder.join('socket'))).rejects.toThrow(code('write_error'))
    socket.close()
  })

  test('a name may be as long as names can be; a link stays a link, and who could read the file can', async () => {
    const long = folder.join('n'.repeat(255))
    await session.save(long)
    expect((await model.loadSession(long)).messages).toEqual(session.messages)
    const real = await save('real.session', Buffer.from('older'))
    await chmod(real, 0o620)
    await symlink(real, folder.join('link.session'))
    await session.save(folder.join('link.session'))
    expect((await lstat(folder.join('link.session'))).isSymbolicLink()).toBe(true)
    expect((await stat(real)).mode & 0o777).toBe(0o620)
    expect((await model.loadSession(real)).messages).toEqual(session.messages)
    const absent = folder.join('n'.repeat(256))
    await expect(session.save(absent)).rejects.toThrow(code('write_error'))
    expect((await readdir(folder.join('.'))).filter((name) => name.includes('.tmp'))).toEqual([])
  })

  test('what JSON cannot say is refused, and what was there stays', async () => {
    const there = await save('kept.session', bytes)
    const strange = model.session({ messages: [{ role: 'user', content: 'Hi', size: 10n } as never] })
    await expect(strange.save(there)).rejects.toThrow(code('invalid_input'))
    expect((await readFile(there)).equals(bytes)).toBe(true)
    for (const path of [undefined, '', 7, Symbol('path'), 'a\0b', {}]) {
      await expect(session.save(path as never)).rejects.toThrow(code('invalid_input'))
      await expect(model.loadSession(path as never)).rejects.toThrow(code('invalid_input'))
    }
  })

  test('a cache with less room takes what fits', async () => {
    const { bytes: kvBytes, pages } = model.stats().kvCache
    const small = await fresh({ kvCache: { maxBytes: (kvBytes / pages) * 5 } })
    const loaded = await small.loadSession(path, greedy)
    expect(small.stats().kvCache).toMatchObject({ pagesInUse: 0, pagesCached: 5 })
    expect(loaded.messages).toEqual(session.messages)
    await small.close()
  })

  test('an older file is read as far as its messages go', async () => {
    const other = await fresh()
    const older = withHeader(bytes, ({ positions: _, ...header }) => header, undefined, 1)
    const loaded = await other.loadSession(await save('older.session', older), greedy)
    expect(loaded.messages).toEqual(session.messages)
    expect(other.stats().kvCache.pagesCached).toBe(0)
    expect(warnings.at(-1)).toContain('computed anew: an older quern wrote it')
    await other.close()
  })

  test('pages that the cache has lost are not in the file', async () => {
    const { bytes: kvBytes, pages } = model.stats().kvCache
    const small = await fresh({ kvCache: { maxBytes: (kvBytes / pages) * 12 } })
    const first = small.session({ messages: [{ role: 'user', content: 'Tell me '.repeat(40) }] })
    await first.chat([], { ...greedy, maxTokens: 2 }).text()
    const others = Array.from({ length: 120 }, (_, i) => i + 5)
    await small.generate({ tokens: others }, { ...greedy, maxTokens: 2 }).text()
    const lost = folder.join('lost.session')
    await first.save(lost)
    const file = await readFile(lost)
    const header = JSON.parse(file.toString('utf8', 16, 16 + file.readUInt32LE(12)))
    const whole = Math.floor(header.tokens.length / pagePositions)
    expect(header.pages).toBeGreaterThan(0)
    expect(header.pages).toBeLessThan(whole)
    expect(pagesOf(file)).toHaveLength(header.pages)
    const other = await fresh()
    const loaded = await other.loadSession(lost)
    expect(loaded.messages).toEqual(first.messages)
    expect(other.stats().kvCache.pagesCached).toBe(header.pages)
    // What is not in the file is computed: to the same words.
    const question = 'And then?'
    const answers = [
      await loaded.chat(question, greedy).result(),
      await first.chat(question, greedy).result(),
    ]
    expect(answers[0]?.text).toBe(answers[1]?.text)
    expect(answers[0]?.usage.cachedTokens).toBe(header.pages * pagePositions)
    await other.close()
    await small.close()
  })

  test('another instruction set or precision: the messages, with a warning', async () => {
    for (const options of [
      { isa: 'baseline' as const },
      { precision: 'exact' as const },
      { contextLength: 64 },
    ]) {
      warnings.length = 0
      const other = await fresh(options)
      const loaded = await other.loadSession(path)
      expect(loaded.messages).toEqual(session.messages)
      expect(other.stats().kvCache.pagesCached).toBe(0)
      expect(warnings).toEqual([expect.stringContaining('computed anew')])
      await other.close()
    }
  })

  test("another model's is refused, be it a fine-tune with equal headers", async () => {
    const other = await load(fixturePath('models', 'qwen3-tied'))
    await expect(other.loadSession(path)).rejects.toThrow(code('session_mismatch'))
    await other.close()
    await cp(bundledModelPath(), folder.join('tuned'), { recursive: true })
    const weights = folder.join('tuned', 'model.safetensors')
    const tuned = await readFile(weights)
    const data = 8 + Number(tuned.readBigUInt64LE(0))
    tuned[data] = (tuned[data] as number) ^ 1
    await writeFile(weights, tuned)
    const fineTune = await load(folder.join('tuned'))
    await expect(fineTune.loadSession(path)).rejects.toThrow(code('session_mismatch'))
    await fineTune.close()
    await cp(bundledModelPath(), folder.join('copy'), { recursive: true })
    const copy = await load(folder.join('copy'))
    expect((await copy.loadSession(path)).messages).toEqual(session.messages)
    await copy.close()
  })

  test('every damaged byte and every cut is noticed', async () => {
    const other = await fresh()
    const damage = fc.oneof(
      fc.record({ at: fc.nat(bytes.length - 1), flip: fc.integer({ min: 1, max: 255 }) }),
      fc.record({ at: fc.nat(600), flip: fc.integer({ min: 1, max: 255 }) }),
      fc.record({ cut: fc.nat(bytes.length - 1) }),
      fc.record({ more: fc.uint8Array({ minLength: 1, maxLength: 100 }) }),
    )
    await fc.assert(
      fc.asyncProperty(damage, async (how) => {
        const damaged = Buffer.from(bytes)
        if ('at' in how) damaged[how.at] = (damaged[how.at] as number) ^ how.flip
        const there = await save(
          'damaged.session',
          'more' in how ? Buffer.concat([bytes, how.more]) : damaged,
        )
        if ('cut' in how) await cutFile(there, how.cut)
        await expect(other.loadSession(there)).rejects.toMatchObject({
          code: 'invalid_session',
          message: expect.stringContaining(there),
          value: there,
        })
      }),
      { numRuns: 300 },
    )
    expect(other.stats().kvCache.pagesCached).toBe(0)
    await other.close()
  })

  test('a file that claims anything, with right checksums, is an error or a session', async () => {
    const other = await fresh()
    const anything = fc.anything({ maxDepth: 2 })
    const names = [
      'model',
      'source',
      'arithmetic',
      'messages',
      'tokens',
      'positions',
      'pages',
      'pageBytes',
    ] as const
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...names), anything, async (name, value) => {
        const there = await save(
          'strange.session',
          withHeader(bytes, (header) => ({ ...header, [name]: value })),
        )
        try {
          const loaded = await other.loadSession(there)
          expect(Array.isArray(loaded.messages)).toBe(true)
        } catch (error) {
          expect(error).toBeInstanceOf(QuernError)
          expect(['invalid_session', 'session_mismatch']).toContain((error as QuernError).code)
        }
      }),
      { numRuns: 200 },
    )
    for (const header of [null, 7, [], 'x', {}]) {
      const there = await save(
        'strange.session',
        withHeader(bytes, () => header, []),
      )
      await expect(other.loadSession(there)).rejects.toThrow(code('invalid_session'))
    }
    await other.close()
  })

  test('a header of many megabytes is refused in turns, not in one go', async () => {
    const other = await fresh()
    const there = await save(
      'long.session',
      withHeader(bytes, (header) => ({ ...header, extra: Array.from({ length: 5_000_000 }, () => 1) }), []),
    )
    let refused: Promise<unknown> = Promise.resolve()
    await expectShortTurns(400, () => {
      refused = other.loadSession(there)
      return refused
    })
    await expect(refused).rejects.toThrow(code('invalid_session'))
    await expect(refused).rejects.toThrow(/more than 4000000 values/)
    await expect(refused).rejects.toThrow(expect.objectContaining({ value: there }))
    await other.close()
  })

  test('what no header can talk the engine into', async () => {
    const other = await fresh()
    const refuses = async (change: (header: { tokens: number[] }) => unknown, pages?: Buffer[]) => {
      const there = await save('wrong.session', withHeader(bytes, change as never, pages))
      await expect(other.loadSession(there)).rejects.toThrow(code('invalid_session'))
    }
    const { pageBytes } = model.info
    await refuses((header) => ({ ...header, tokens: [1e6, ...header.tokens.slice(1)] }))
    await refuses((header) => ({ ...header, tokens: [] }))
    await refuses(
      (header) => ({ ...header, pageBytes: pageBytes / 2, pages: 2 }),
      [Buffer.alloc(pageBytes / 2), Buffer.alloc(pageBytes / 2)],
    )
    for (const name of ['pages', 'pageBytes', 'positions'])
      await refuses((header) => ({ ...header, [name]: 2 ** 52 }))
    await refuses((header) => ({ ...header, positions: 16 }))
    expect(other.stats().kvCache.pagesCached).toBe(0)
    await other.close()
  })

  test('other files', async () => {
    for (const options of [{ system: 'x' }, { messages: [] }])
      await expect(model.loadSession(path, options as never)).rejects.toThrow(code('invalid_option'))
    await expect(model.loadSession(folder.join('none'))).rejects.toThrow(code('missing_file'))
    await expect(model.loadSession(folder.join('.'))).rejects.toThrow(code('read_error'))
    await expect(model.loadSession('/dev/null')).rejects.toThrow(code('read_error'))
    const later = Buffer.from(bytes)
    later.writeUInt32LE(3, 8)
    await expect(model.loadSession(await save('later', later))).rejects.toThrow(/version 3/)
    await expect(model.loadSession(join(bundledModelPath(), 'config.json'))).rejects.toThrow(
      code('invalid_session'),
    )
    await expect(model.loadSession(await save('empty', Buffer.alloc(0)))).rejects.toThrow(
      code('invalid_session'),
    )
  })

  test('says what is where', () => {
    expect(bytes.toString('latin1', 0, 8)).toBe('quernses')
    const header = JSON.parse(bytes.toString('utf8', 16, 16 + bytes.readUInt32LE(12)))
    expect(header.messages).toEqual(session.messages)
    expect(header.pages).toBeGreaterThanOrEqual(4)
    expect(header.tokens.length).toBeGreaterThanOrEqual(header.pages * pagePositions)
    expect(bytes.subarray(-32)).toEqual(createHash('sha256').update(bytes.subarray(0, -32)).digest())
  })
})

test('a model that closes meanwhile ends saving and loading', async () => {
  const model = await load()
  const session = await talk(model)
  const path = folder.join('closing.session')
  await session.save(path)
  const before = await readFile(path)
  const outcomes = Promise.allSettled([
    session.save(path),
    model.loadSession(path),
    session.save(folder.join('new')),
  ])
  await new Promise((resolve) => setImmediate(resolve))
  await model.close()
  for (const outcome of await outcomes)
    if (outcome.status === 'rejected') expect(outcome.reason).toEqual(code('closed'))
  await expect(session.save(path)).rejects.toThrow(code('closed'))
  await expect(model.loadSession(path)).rejects.toThrow(code('closed'))
  expect(await readFile(path)).toEqual(before)
})
