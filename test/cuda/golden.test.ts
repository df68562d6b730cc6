// Whole models on a GPU against Hugging Face transformers. On the computed one of native/emulator a token takes long, so only the shortest prompt
// that has greedy text says it, and logits are those of prompts of at most 64 tokens, in a few cases (test.goldens, without Node, has others);
// QUERN_CUDA_ALL=1 takes all.
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { load, type Model } from '../../lib/index.js'
import { fixturePath, goldenPath, goldensPresent, readJson, requireGoldens } from '../golden.js'
import type { Expected, Prompt } from '../model/expect-golden.js'
import { expectWithin, largestDifference, rowAt } from '../numbers.js'
import { ExpectedTensors } from '../safetensors.js'
import { supportedGoldenNames } from '../supported-goldens.js'

const all = process.env.QUERN_CUDA_ALL === '1'
const cases = all ? supportedGoldenNames : ['qwen2', 'phi3-partial-rotary', 'alibi', 'dtype-f16']

/** expected.json, of cases that were run in bfloat16 too. */
interface ExpectedOnGpus extends Expected {
  bf16_run?: { max_abs_difference: number }
}

function describeCase(name: string, path: string): void {
  const expected = readJson<ExpectedOnGpus>(join(path, 'expected.json'))
  const tensors = new ExpectedTensors(join(path, 'expected.safetensors'))
  const numbered = expected.prompts.map((prompt, i) => ({ ...prompt, i }))
  const prompts = numbered.filter(({ ids }) => all || ids.length <= 64)
  const withGreedy = prompts.filter(({ greedy }) => greedy != null)
  const wanted = (i: number, row: number, vocab: number) =>
    tensors.get(`prompt.${i}.logits`).subarray(row * vocab, (row + 1) * vocab)

  describe(`${name}, exact`, () => {
    let model: Model
    beforeAll(async () => {
      model = await load(path, { device: 'cuda', precision: 'exact', contextLength: 512 })
    })
    afterAll(() => model.close())

    it('has the logits', async () => {
      expect(model.info).toMatchObject({ device: 'cuda', precision: 'exact', kvDtype: 'f32' })
      for (const { ids, logit_positions, i } of prompts) {
        const logits = await model.logits(ids)
        logit_positions.forEach((position, row) => {
          const want = wanted(i, row, logits.shape[1])
          expectWithin(rowAt(logits, position), want, expected.tolerance, `prompt ${i}, position ${position}`)
        })
      }
    })

    it('says the greedy tokens', async () => {
      for (const { ids, greedy = [], i } of all ? withGreedy : withGreedy.slice(0, 1)) {
        const options = { temperature: 0, maxTokens: greedy.length, ignoreEos: true }
        const { tokens } = await model.generate({ tokens: ids }, options).result()
        expect([...tokens], `prompt ${i}`).toEqual(greedy)
      }
    })
  })

  const { bf16_run: halved } = expected
  if (halved === undefined) return
  it(`${name}, fast: within twice what bfloat16 costs Hugging Face`, async () => {
    const model = await load(path, { device: 'cuda', contextLength: 512 })
    expect(model.info).toMatchObject({ device: 'cuda', precision: 'fast', kvDtype: 'bf16' })
    for (const { ids, i } of prompts as (Prompt & { i: number })[]) {
      const { data } = await model.logits(ids, { positions: 'last' })
      const want = tensors.get(`prompt.${i}.logits`).subarray(-data.length)
      expect(largestDifference(data, want), `prompt ${i}`).toBeLessThanOrEqual(2 * halved.max_abs_difference)
    }
    await model.close()
  })
}

describeCase('the fixture qwen3-tied', fixturePath('models', 'qwen3-tied'))
requireGoldens()
for (const name of goldensPresent ? cases : []) describeCase(name, goldenPath('models', name))
