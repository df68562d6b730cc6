import { expect } from 'vitest'
import type { GenerateOptions, Model } from '../../lib/index.js'

/** Generates after all prompts at once, with fewer pages than they take, closes the model, and expects of each what it says alone. */
export async function expectBitsAlone(
  crowded: Model,
  prompts: readonly Int32Array[],
  options: GenerateOptions & { maxTokens: number },
  alone: (prompt: Int32Array, maxTokens: number) => Promise<number[]>,
): Promise<void> {
  const results = await Promise.all(prompts.map((tokens) => crowded.generate({ tokens }, options).result()))
  expect(crowded.stats().kvCache.pagesInUse).toBe(0)
  await crowded.close()
  for (const [i, { tokens }] of results.entries())
    expect([...tokens]).toEqual(await alone(prompts[i] as Int32Array, options.maxTokens))
}
