// Attention sinks: a sequence that outgrows the context goes on, each token seeing the first ones and the last, and every way of going on has
// the bits of having computed it all.
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type LoadOptions, load, type Model } from '../../lib/index.js'
import { loadModel } from '../../lib/model/load.js'
import { goldenPath, goldensPresent, readJson, requireGoldens } from '../golden.js'
import { expectWithin, largestDifference, rowAt, type Tolerance } from '../numbers.js'
import { ExpectedTensors } from '../safetensors.js'
import { expectBitsAlone } from './crowded.js'
import { temporaryFolder } from './temporary.js'

requireGoldens()
const folder = temporaryFolder()

const greedy = { temperature: 0, ignoreEos: true } as const
const ids = (count: number, seed = 1) =>
  Int32Array.from({ length: count }, (_, i) => ((i * 37 + seed * 101) % 300) + 3)

interface Expected {
  tolerance: Tolerance
  runs: {
    sinks: number
    recent: number
    /** Whether the cache is cut when a token has joined it, which then saw one more than `recent`, or before. */
    evict: 'after' | 'before'
    ids: number[]
    logit_positions: number[]
    greedy: number[]
  }[]
}

describe.runIf(goldensPresent)('the golden streaming-cache', () => {
  const path = goldenPath('models', 'streaming-cache')
  const { runs, tolerance } = goldensPresent
    ? readJson<Expected>(join(path, 'expected.json'))
    : { runs: [], tolerance: { logits_atol: 0, rtol: 0 } }
  const cases = runs.map((run, i) => {
    const attentionSinks = { sinks: run.sinks, window: run.recent + (run.evict === 'after' ? 1 : 0) }
    // The smallest context that holds them, so that every run outgrows it.
    const contextLength = attentionSinks.sinks + attentionSinks.window
    return { ...run, i, name: `${contextLength} of ${run.ids.length} tokens`, attentionSinks, contextLength }
  })

  test.each(cases)(
    '$name: logits and greedy tokens',
    async ({ i, attentionSinks, contextLength, ...run }) => {
      const tensors = new ExpectedTensors(join(path, 'expected.safetensors'))
      const want = tensors.get(`run.${i}.logits`)
      for (const stepRows of [512, 7]) {
        const options = { precision: 'exact', attentionSinks, contextLength } as const
        const model = await loadModel(path, options, { stepRows })
        const logits = await model.logits(run.ids)
        const vocab = logits.shape[1]
        run.logit_positions.forEach((position, row) => {
          const wantRow = want.subarray(row * vocab, (row + 1) * vocab)
          expectWithin(rowAt(logits, position), wantRow, tolerance, `position ${position}`)
        })
        const { tokens, finishReason } = await model
          .generate({ tokens: run.ids }, { ...greedy, maxTokens: run.greedy.length })
          .result()
        expect([...tokens]).toEqual(run.greedy)
        expect(finishReason).toBe('length')
        const { data } = await model.logits([...run.ids, ...run.greedy], { positions: 'last' })
        expectWithin(data, tensors.get(`run.${i}.greedy_end_logits`), tolerance, 'the end')
        await model.close()
      }
    },
  )

  test.each(cases)('$name: as near as 16 bits allow', async ({ i, attentionSinks, contextLength, ids }) => {
    const model = await load(path, { attentionSinks, contextLength })
    const { data } = await model.logits(ids, { positions: 'last' })
    const want = new ExpectedTensors(join(path, 'expected.safetensors')).get(`run.${i}.logits`)
    expect(largestDifference(data, want.subarray(-data.length))).toBeLessThanOrEqual(0.07)
    await model.close()
  })
})

describe('the bundled model with 4 sinks and a window of 60', () => {
  const options: LoadOptions = { threads: 2, contextLength: 64, attentionSinks: { sinks: 4, window: 60 } }
  const open = (more: LoadOptions = {}) => load(undefined, { ...options, ...more })
  /** Pages that one sequence holds: of the sinks, and of the window wherever that begins. */
  const held = 1 + 5
  const withPages = (pages: number) => open({ kvCache: { maxBytes: pages * model.info.pageBytes } })
  let model: Model

  beforeAll(async () => {
    model = await open()
  })
  afterAll(() => model.close())

  /** What it says after these tokens, computed by a model that has seen nothing, in steps of another size. */
  async function alone(tokens: Int32Array, maxTokens: number): Promise<number[]> {
    const other = await loadModel(undefined, { ...options, threads: 1 }, { stepRows: 23 })
    const result = await other.generate({ tokens }, { ...greedy, maxTokens }).result()
    await other.close()
    return [...result.tokens]
  }

  test('says what it is', () => {
    const { contextLength, longestSequence, attentionSinks } = model.info
    expect({ contextLength, longestSequence, attentionSinks }).toEqual({
      contextLength: 64,
      longestSequence: 2 ** 30,
      attentionSinks: { sinks: 4, window: 60 },
    })
  })

  test('says what it says without sinks as long as all is seen', async () => {
    const plain = await load(undefined, { threads: 1 })
    const tokens = ids(20)
    const [short, long] = [
      await plain.generate({ tokens }, { ...greedy, maxTokens: 44 }).result(),
      await model.generate({ tokens }, { ...greedy, maxTokens: 200 }).result(),
    ]
    await plain.close()
    expect([...long.tokens].slice(0, 44)).toEqual([...short.tokens])
    expect(long.tokens.length).toBe(200)
    expect(long.finishReason).toBe('length')
    expect(await alone(tokens, 200)).toEqual([...long.tokens])
  })

  test('pages between the sinks and the window are free', async () => {
    const small = await withPages(held)
    const generation = small.generate({ tokens: ids(300) }, { ...greedy, maxTokens: 500 })
    let most = 0
    for await (const _ of generation) most = Math.max(most, small.stats().kvCache.pagesInUse)
    expect(most).toBeLessThanOrEqual(held)
    const { tokens } = await generation.result()
    await small.close()
    expect(await alone(ids(300), 500)).toEqual([...tokens])
  })

  test('the same bits where others take its pages', async () => {
    const prompts = [ids(300, 1), ids(30, 2), ids(250, 3), ids(260, 4)]
    await expectBitsAlone(await withPages(2 * held), prompts, { ...greedy, maxTokens: 120 }, alone)
  })

  test('a prefix is found by what is seen of it, and goes on with the same bits', async () => {
    const prompt = ids(400)
    await model.generate({ tokens: prompt }, { ...greedy, maxTokens: 1 }).result()
    const longer = Int32Array.from([...prompt, ...ids(60, 9)])
    const again = await model.generate({ tokens: longer }, { ...greedy, maxTokens: 40 }).result()
    expect(again.usage.cachedTokens).toBe(400)
    expect([...again.tokens]).toEqual(await alone(longer, 40))
    const forked = Int32Array.from([...prompt.subarray(0, 200), ...ids(100, 7)])
    const fork = await model.generate({ tokens: forked }, { ...greedy, maxTokens: 40 }).result()
    expect(fork.usage.cachedTokens).toBeGreaterThanOrEqual(192)
    expect([...fork.tokens]).toEqual(await alone(forked, 40))
  })

  test('a session goes on for ever, and no turn is computed twice', async () => {
    const small = await withPages(3 * held)
    const session = small.session()
    let before = 0 // tokens that were computed
    for (let turn = 0; turn < 40; turn++) {
      const { usage } = await session
        .chat(`And fox number ${turn}?`, { temperature: 0, maxTokens: 20 })
        .result()
      const { promptTokens, cachedTokens, completionTokens } = usage
      // A page that is not full is computed again, and the reply's last token was never computed.
      expect(promptTokens - cachedTokens, `turn ${turn}`).toBeLessThanOrEqual(promptTokens - before + 16)
      before = promptTokens + completionTokens
      expect(small.stats().kvCache.pagesInUse).toBe(0)
    }
    expect(before).toBeGreaterThan(10 * 64)
    await small.close()
  })

  test('a session goes on from its file', async () => {
    const session = model.session({ messages: [{ role: 'user', content: 'Tell me of a fox. '.repeat(20) }] })
    await session.chat([], { ...greedy, maxTokens: 30 }).text()
    const file = folder.join('streaming.session')
    await session.save(file)
    const other = await open({ threads: 1 })
    const later = await other.loadSession(file)
    const there = await later.chat('And then?', { ...greedy, maxTokens: 30 }).result()
    const here = await session.chat('And then?', { ...greedy, maxTokens: 30 }).result()
    expect(there.usage.cachedTokens).toBeGreaterThan(100)
    expect([...there.tokens]).toEqual([...here.tokens])
    expect(
      await later
        .fork()
        .chat('Why?', { ...greedy, maxTokens: 20 })
        .text(),
    ).toBe(await session.chat('Why?', { ...greedy, maxTokens: 20 }).text())
    expect((await readFile(file)).length / model.info.pageBytes).toBeLessThan(held + 1)
    await other.close()
  })

  test('the file of a model that sees something else brings its messages alone', async () => {
    const session = model.session({ messages: [{ role: 'user', content: 'Tell me of a fox.' }] })
    await session.chat([], { ...greedy, maxTokens: 30 }).text()
    const file = folder.join('other.session')
    await session.save(file)
    const warnings: string[] = []
    const other = await open({
      attentionSinks: { sinks: 3, window: 60 },
      onWarning: (message) => warnings.push(message),
    })
    const later = await other.loadSession(file)
    expect(later.messages).toEqual(session.messages)
    expect(warnings.join()).toContain('4 sinks and a window of 60')
    expect(other.stats().kvCache.pagesCached).toBe(0)
    await other.close()
  })
})
