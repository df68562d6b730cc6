// Where a generation outgrows the rotary angles that it began with, it goes on as a prompt of its length does: from the first position on.
import { describe, expect, test } from 'vitest'
import { load } from '../../lib/index.js'
import { goldenPath, goldensPresent, requireGoldens } from '../golden.js'

requireGoldens()

const argmax = (row: Float32Array) =>
  row.reduce((best, value, i) => (value > (row[best] as number) ? i : best), 0)

describe.runIf(goldensPresent)('longrope: 64 positions by short factors, more by long ones', () => {
  test.each([1, 60, 64])('from a prompt of %i tokens beyond them', async (length) => {
    const model = await load(goldenPath('models', 'phi3-longrope'), { precision: 'exact' })
    const prompt = Array.from({ length }, (_, i) => ((i * 29 + 7) % 300) + 3)
    const generation = model.generate({ tokens: prompt }, { maxTokens: 80, temperature: 0, ignoreEos: true })
    const { tokens } = await generation.result()
    const all = [...prompt, ...tokens]
    for (let end = length; end < all.length; end++) {
      const { data } = await model.logits(all.slice(0, end), { positions: 'last' })
      expect(argmax(data), `token ${end}`).toBe(all[end])
    }
    // Two at a time, of which one crosses: each as alone.
    const both = await Promise.all(
      [prompt, prompt.slice(0, 1)].map((tokens) =>
        model.generate({ tokens }, { maxTokens: 70, temperature: 0, ignoreEos: true }).result(),
      ),
    )
    expect([...(both[0]?.tokens ?? [])]).toEqual([...tokens].slice(0, 70))
    await model.close()
  })
})
