// Layers that see a sliding window: what no row sees any more is let go, and every way of going on has the bits of having computed it all.
import { cp, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { bundledModelPath } from '../../lib/checkpoint/bundled.js'
import { type LoadOptions, load, type Model } from '../../lib/index.js'
import { goldenPath, goldensPresent, requireGoldens } from '../golden.js'
import { expectBelow } from '../promptly.js'
import { expectBitsAlone } from './crowded.js'
import { temporaryFolder } from './temporary.js'

requireGoldens()
const folder = temporaryFolder()

/** A model's folder with another config. */
async function changed(name: string, from: string, config: Record<string, unknown>): Promise<string> {
  const path = folder.join(name)
  await cp(from, path, { recursive: true })
  const file = join(path, 'config.json')
  await writeFile(file, JSON.stringify({ ...JSON.parse(await readFile(file, 'utf8')), ...config }))
  return path
}

const ids = (count: number, seed = 1) =>
  Int32Array.from({ length: count }, (_, i) => ((i * 37 + seed * 101) % 300) + 3)
const greedy = { temperature: 0, ignoreEos: true } as const

/** What the last quarter of these moments took for what the first took one for: the fastest tenth of hundreds, since others work too. */
function slowdownOf(times: number[]): number {
  const hundreds = times.filter((_, i) => i % 100 === 0).map((time, i, all) => time - (all[i - 1] ?? 0))
  const fastest = (part: number[]) => part.toSorted((a, b) => a - b)[Math.floor(part.length / 10)] as number
  const quarter = Math.floor(hundreds.length / 4)
  return fastest(hundreds.slice(-quarter)) / fastest(hundreds.slice(1, quarter))
}

/** The bundled model with windows of 48 tokens, in all of its six layers or in the last four. */
const windows = [
  { name: 'all layers', first: 0, groups: 1 },
  { name: 'four of six layers', first: 2, groups: 3 },
] as const

describe.each(windows)('windows in $name', ({ name, first, groups }) => {
  let path = ''
  let model: Model
  const open = (options: LoadOptions = {}) => load(path, { threads: 2, ...options })
  /** With so many pages in all. */
  const withPages = (pages: number) => open({ kvCache: { maxBytes: pages * model.info.pageBytes } })

  beforeAll(async () => {
    path = await changed(name, bundledModelPath(), {
      use_sliding_window: true,
      sliding_window: 48,
      max_window_layers: first,
    })
    model = await open()
  })
  afterAll(() => model.close())

  /** What it says after these tokens, computed by a model that has seen nothing. */
  async function alone(tokens: Int32Array, maxTokens: number): Promise<number[]> {
    const other = await open()
    const result = await other.generate({ tokens }, { ...greedy, maxTokens }).result()
    await other.close()
    return [...result.tokens]
  }

  test('pages that every row has passed are free', async () => {
    expect(model.info.kvGroups).toBe(groups)
    const generation = model.generate({ tokens: ids(40) }, { ...greedy, maxTokens: 1000 })
    let most = 0
    for await (const _ of generation) most = Math.max(most, model.stats().kvCache.pagesInUse)
    const { tokens } = await generation.result()
    expect(tokens.length).toBe(1000)
    // 47 positions and the row itself, wherever they begin, and what a step more takes.
    const passing = 5
    const all = Math.ceil(1040 / 16)
    expect(most).toBeLessThanOrEqual(groups === 1 ? passing : all + 2 * passing)
    expect(await alone(ids(40), 1000)).toEqual([...tokens])
  })

  test('the same bits where others take its pages', async () => {
    const prompts = [ids(300, 1), ids(200, 2), ids(250, 3), ids(260, 4)]
    await expectBitsAlone(
      await withPages(groups === 1 ? 40 : 90),
      prompts,
      { ...greedy, maxTokens: 120 },
      alone,
    )
  })

  test('a prefix is found by what its windows see of it, and goes on with the same bits', async () => {
    const other = await open()
    const prompt = ids(400)
    await other.generate({ tokens: prompt }, { ...greedy, maxTokens: 1 }).result()
    const longer = Int32Array.from([...prompt, ...ids(60, 9)])
    const again = await other.generate({ tokens: longer }, { ...greedy, maxTokens: 40 }).result()
    expect(again.usage.cachedTokens).toBe(400)
    expect([...again.tokens]).toEqual(await alone(longer, 40))
    // A fork within it, beyond which nothing is alike.
    const forked = Int32Array.from([...prompt.subarray(0, 200), ...ids(100, 7)])
    const fork = await other.generate({ tokens: forked }, { ...greedy, maxTokens: 40 }).result()
    expect(fork.usage.cachedTokens).toBeGreaterThanOrEqual(192)
    expect([...fork.tokens]).toEqual(await alone(forked, 40))
    await other.close()
  })

  test('a cache holds as many tokens as it says, and conversations are cut to that', async () => {
    const small = await withPages(24)
    const { capacity } = small.info
    const tooMany = small.generate({ tokens: ids(capacity + 1) }, greedy).text()
    await expect(tooMany).rejects.toMatchObject({
      code: groups === 1 ? 'context_overflow' : 'kv_cache_too_small', // windows let the whole context fit
    })
    const whole = await small.generate({ tokens: ids(capacity) }, { ...greedy, maxTokens: 1 }).result()
    expect(whole.tokens.length).toBe(1)
    const turns = Array.from({ length: capacity / 4 }, (_, i) => ({
      role: i % 2 === 0 ? ('user' as const) : ('assistant' as const),
      content: 'Tell me of a fox.',
    }))
    const asked = small.chat([...turns, { role: 'user', content: 'And then?' }], {
      ...greedy,
      maxTokens: 5,
      contextOverflow: 'truncate',
    })
    expect((await asked.result()).dropped?.messages).toBeGreaterThan(0)
    await small.close()
  })

  test('a session longer than the window goes on from its file', async () => {
    const session = model.session({ messages: [{ role: 'user', content: 'Tell me of a fox. '.repeat(20) }] })
    await session.chat([], { ...greedy, maxTokens: 30 }).text()
    const file = folder.join(`${groups}.session`)
    await session.save(file)
    const other = await open()
    const later = await other.loadSession(file)
    const { pagesCached } = other.stats().kvCache
    expect(pagesCached).toBeGreaterThan(0)
    const reply = later.chat('And then?', { ...greedy, maxTokens: 30 })
    const here = session.chat('And then?', { ...greedy, maxTokens: 30 })
    const [there, result] = [await reply.result(), await here.result()]
    expect(there.usage.cachedTokens).toBeGreaterThan(100)
    expect([...there.tokens]).toEqual([...result.tokens])
    const fork = later.fork()
    expect(await fork.chat('Why?', { ...greedy, maxTokens: 20 }).text()).toBe(
      await session.chat('Why?', { ...greedy, maxTokens: 20 }).text(),
    )
    // Of a window the file has no more than it sees.
    const most = groups === 1 ? 6 : 40 + 2 * 6
    expect((await readFile(file)).length / model.info.pageBytes).toBeLessThan(most)
    await other.close()
  })
})

describe.runIf(goldensPresent)('without an end', () => {
  test('100,000 tokens hold fewer than 64 pages, each as fast as the first', async () => {
    const path = await changed('endless', goldenPath('models', 'mistral-window'), {
      max_position_embeddings: 131_072,
    })
    const model = await load(path, { threads: 1, kvCache: { maxBytes: 63 * 3 * 2 * 2 * 16 * 16 * 2 } })
    expect(model.stats().kvCache.pages).toBeLessThan(64)
    await expectBelow(1.3, async () => {
      const times: number[] = []
      const generation = model.generate({ tokens: ids(100) }, { ...greedy, maxTokens: 100_000 })
      for await (const event of generation.events())
        if (event.type === 'tokens' || event.type === 'text-delta') times.push(performance.now())
      expect((await generation.result()).tokens.length).toBe(100_000)
      return slowdownOf(times)
    })
    await model.close()
  })
})
