// A slow reader pauses its own sequence only; one that is gone cancels it.
import { setTimeout as sleep } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Generation, type GenerationEvent, load, type Model } from '../../lib/index.js'
import { pagePositions } from '../../lib/native/constants.js'
import { eventually } from '../eventually.js'
import { slowdown } from '../patience.js'

const prompt = { tokens: [2078, 3498, 257, 774] }
const long = { temperature: 0, maxTokens: 600, ignoreEos: true }
/** Tokens that may be on their way beyond the 256 at which a reader's sequence pauses. */
const mostUnread = 300

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

let model: Model
let greedy: number[]
beforeAll(async () => {
  model = await load()
  greedy = [...(await model.generate(prompt, long).result()).tokens]
})
afterAll(() => model.close())

/** Waits until the model computes nothing any more, though requests are there; gives the pages that they hold. */
async function untilPaused(of: Model): Promise<number> {
  let pages = -1
  let unchanged = 0
  const stillness = 150 * slowdown()
  await eventually(() => {
    const { pagesInUse } = of.stats().kvCache
    unchanged = pagesInUse === pages ? unchanged + 1 : 0
    pages = pagesInUse
    return pages > 0 && unchanged > stillness
  }, 'nothing moves')
  return pages
}

function reader(generation: Generation) {
  const events: AsyncIterator<GenerationEvent> = generation.events()
  const tokens: number[] = []
  return {
    tokens,
    async read(count: number): Promise<void> {
      for (const end = tokens.length + count; tokens.length < end; ) {
        const { value, done } = await events.next()
        if (done || value.type === 'stream-end') return
        tokens.push(...value.tokens)
      }
    },
  }
}

describe('an unread generation', () => {
  it('pauses, goes on when it is read, and loses nothing', async () => {
    const slow = reader(model.generate(prompt, long))
    const pages = await untilPaused(model)
    expect(pages * pagePositions).toBeGreaterThanOrEqual(256)
    expect(pages * pagePositions).toBeLessThanOrEqual(mostUnread + pagePositions)
    expect(model.stats().active).toBe(1)

    await slow.read(200)
    const later = await untilPaused(model)
    expect(later).toBeGreaterThan(pages)
    expect(later * pagePositions).toBeLessThanOrEqual(200 + mostUnread + pagePositions)
    await slow.read(Infinity)
    expect(slow.tokens).toEqual(greedy)
    expect(model.stats().kvCache.pagesInUse).toBe(0)
  })

  it('lets the others go on', async () => {
    const slow = Array.from({ length: 3 }, () => model.generate(prompt, long))
    await untilPaused(model)
    const [one, two] = await Promise.all([
      model.generate(prompt, long).result(),
      model.generate(prompt, long).result(),
    ])
    expect([...one.tokens]).toEqual(greedy)
    expect([...two.tokens]).toEqual(greedy)
    expect(model.stats().active).toBe(3)
    for (const generation of slow) generation.cancel()
    await eventually(() => model.stats().kvCache.pagesInUse === 0, 'the pages are free')
  })

  it('is drained by result() and by text()', async () => {
    const slow = [model.generate(prompt, long), model.generate(prompt, long)] as const
    await untilPaused(model)
    expect([...(await slow[0].result()).tokens]).toEqual(greedy)
    expect(await slow[1].text()).toBe(model.tokenizer.decode(greedy, { skipSpecialTokens: true }))
  })

  it('is cancelled while it pauses', async () => {
    const slow = model.generate(prompt, long)
    await untilPaused(model)
    slow.cancel()
    const { tokens, finishReason } = await slow.result()
    expect(finishReason).toBe('cancelled')
    expect(tokens.length).toBeGreaterThanOrEqual(256)
    expect(tokens.length).toBeLessThanOrEqual(mostUnread)
    await eventually(() => model.stats().kvCache.pagesInUse === 0, 'the pages are free')
  })

  it('gives its memory to others, and still says the same', async () => {
    const { bytes, pages } = model.stats().kvCache
    const small = await load(undefined, { kvCache: { maxBytes: (bytes / pages) * 24 } })
    const slow = reader(small.generate(prompt, { ...long, maxTokens: 320 }))
    await untilPaused(small) // with 17 of the 24 pages
    const other = await small.generate(prompt, { ...long, maxTokens: 300 }).result()
    expect([...other.tokens]).toEqual(greedy.slice(0, 300))
    await slow.read(Infinity)
    expect(slow.tokens).toEqual(greedy.slice(0, 320))
    await small.close()
  })

  it('does not keep a longer prompt waiting for its memory', async () => {
    const { bytes, pages } = model.stats().kvCache
    const small = await load(undefined, { kvCache: { maxBytes: (bytes / pages) * 24 } })
    const slow = reader(small.generate(prompt, { ...long, maxTokens: 320 }))
    await untilPaused(small) // with 17 of the 24 pages
    const promptOf200 = [...prompt.tokens, ...greedy.slice(0, 196)]
    const other = small.generate({ tokens: promptOf200 }, { ...long, maxTokens: 100 }).result()
    const winner = await Promise.race([other, sleep(60_000, undefined, { ref: false })])
    expect(winner, 'a prompt that needs the pages of a paused sequence').toBeDefined()
    expect([...((await other).tokens ?? [])]).toEqual(greedy.slice(196, 296))
    await slow.read(Infinity)
    expect(slow.tokens).toEqual(greedy.slice(0, 320))
    await small.close()
  })
})

describe('a generation that nobody holds', () => {
  const idle = () => {
    collectGarbage()
    const { active, queued } = model.stats()
    return active + queued === 0
  }

  it('is cancelled', async () => {
    const start = () => {
      for (let i = 0; i < 4; i++) model.generate(prompt, long)
    }
    start()
    await eventually(() => model.stats().active === 4, 'all run')
    await eventually(idle, 'the garbage is collected')
    expect(model.stats().kvCache.pagesInUse).toBe(0)
  })

  it('is not, while somebody waits for its result or reads it', async () => {
    const result = model.generate(prompt, long).result()
    const text = (async () => {
      let text = ''
      for await (const piece of model.generate(prompt, long)) text += piece
      return text
    })()
    const stream = model.generate(prompt, long).toReadableStream()
    for (let i = 0; i < 10; i++) {
      collectGarbage()
      await sleep(5)
    }
    const wanted = model.tokenizer.decode(greedy, { skipSpecialTokens: true })
    expect((await result).text).toBe(wanted)
    expect(await text).toBe(wanted)
    let streamed = ''
    for await (const piece of stream) streamed += piece
    expect(streamed).toBe(wanted)
  })
})
