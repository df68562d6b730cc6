// What a golden says of a model.
import { join } from 'node:path'
import { expect } from 'vitest'
import type { Model } from '../../lib/index.js'
import { readJson } from '../golden.js'
import { expectWithin, rowAt, type Tolerance } from '../numbers.js'
import { ExpectedTensors } from '../safetensors.js'

export interface Prompt {
  ids: number[]
  logit_positions: number[]
  /** Absent where a run would cross a limit that changes the angles. */
  greedy?: number[]
  stop_after?: number | null
}

/** expected.json */
export interface Expected {
  prompts: Prompt[]
  /** Absent where a case says nothing of stopping. */
  stop_tokens?: number[]
  tolerance: Tolerance
  beyond_limit_greedy?: Record<string, { hf_with_cache: number[] }>
}

/** Of every prompt at every position that the case has, with float32 activations. */
export async function expectLogits(model: Model, path: string): Promise<void> {
  const { prompts, tolerance } = readJson<Expected>(join(path, 'expected.json'))
  const tensors = new ExpectedTensors(join(path, 'expected.safetensors'))
  const check = async ({ ids, logit_positions }: Prompt, i: number) => {
    const logits = await model.logits(ids)
    expect(logits.shape[0]).toBe(ids.length)
    const want = tensors.get(`prompt.${i}.logits`)
    logit_positions.forEach((position, row) => {
      const wantRow = want.subarray(row * logits.shape[1], (row + 1) * logits.shape[1])
      expectWithin(rowAt(logits, position), wantRow, tolerance, `prompt ${i}, position ${position}`)
    })
  }
  await Promise.all(prompts.map(check))
}

/** The 48 tokens after every prompt that has them. */
export async function expectGreedy(model: Model, path: string): Promise<void> {
  const { prompts } = readJson<Expected>(join(path, 'expected.json'))
  const check = async ({ ids, greedy }: Prompt, i: number) => {
    if (greedy == null) return
    const options = { temperature: 0, maxTokens: greedy.length, ignoreEos: true }
    const { tokens } = await model.generate({ tokens: ids }, options).result()
    expect([...tokens], `prompt ${i}`).toEqual(greedy)
  }
  await Promise.all(prompts.map(check))
}
