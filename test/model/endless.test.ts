// A sequence without an end: what follows its hundred-thousandth token takes as much memory and time as what follows its hundredth.
import { expect, test } from 'vitest'
import { load } from '../../lib/index.js'
import { expectBelow } from '../promptly.js'

/** Milliseconds: a minute or two alone, and other work may take ten times that. */
const hang = 3_600_000

test(
  '100,000 tokens take the memory of the window, the last as fast as the first',
  async () => {
    const attentionSinks = { sinks: 4, window: 124 }
    const held = 1 + 8 + 1 // pages: of the sinks, of the window, and one more where that begins within a page
    const pageBytes = 6 * 2 * 2 * 16 * 64 * 2 // layers, keys and values, heads, positions, numbers, bytes
    const model = await load(undefined, {
      threads: 1,
      dtype: 'int8', // the faster
      attentionSinks,
      kvCache: { maxBytes: 4 * held * pageBytes }, // so that what both speeds begin with stays in the cache
    })
    expect(model.info.pageBytes).toBe(pageBytes)
    const greedy = { temperature: 0, ignoreEos: true }
    const begin = model.tokenizer.encode('Once upon a time')
    const generation = model.generate({ tokens: begin }, { ...greedy, maxTokens: 100_000 })
    let most = 0
    for await (const _ of generation) most = Math.max(most, model.stats().kvCache.pagesInUse)
    expect(most).toBe(held)
    const { tokens, finishReason } = await generation.result()
    expect(tokens.length).toBe(100_000)
    expect(finishReason).toBe('length')

    // In turns, so that other work slows both down alike.
    const all = Int32Array.from([...begin, ...tokens])
    const speedAfter = async (prompt: Int32Array) => {
      const { timings, usage } = await model
        .generate({ tokens: prompt }, { ...greedy, maxTokens: 100 })
        .result()
      expect(prompt.length - usage.cachedTokens).toBeLessThan(300) // what is known of it is found
      return timings.decodeTokensPerSecond
    }
    await expectBelow(1.3, async () => {
      const [early, late] = [[] as number[], [] as number[]]
      for (let i = 0; i < 10; i++) {
        early.push(await speedAfter(all.slice(0, 200)))
        late.push(await speedAfter(all))
      }
      return Math.max(...early) / Math.max(...late)
    })
    await model.close()
  },
  hang,
)
