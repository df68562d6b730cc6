// Whole models against Hugging Face transformers: logits, greedy text and its end.
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { load, Model, QuernError } from '../../lib/index.js'
import { fixturePath, goldenPath, goldensPresent, readJson, requireGoldens } from '../golden.js'
import { expectWithin, largestDifference } from '../numbers.js'
import { ExpectedTensors } from '../safetensors.js'
import { supportedGoldenNames, supportedGoldens } from '../supported-goldens.js'
import { type Expected, expectLogits, type Prompt } from './expect-golden.js'

const cases = [...supportedGoldenNames, 'lora-qwen3', 'lora-phi3'] // the last two without their adapters

/** Fits every prompt and its 48 tokens; beyond the model's own limit only with dynamic scaling. */
const contextLength = 512
/** What float16 keys and values may cost a logit: three times the most that is measured, 0.0225 in qwen3-rope-yarn-v5-config. */
const mostLossOf16Bits = 0.07

function describeCase(name: string, path: string): void {
  const expected = readJson<Expected>(join(path, 'expected.json'))
  const tensors = new ExpectedTensors(join(path, 'expected.safetensors'))
  const prompts = expected.prompts.map((prompt, i) => ({ ...prompt, i }))
  const withGreedy = prompts.filter((prompt) => prompt.greedy != null)
  const greedy = { temperature: 0, maxTokens: 48, ignoreEos: true }

  describe(`${name}, exact`, () => {
    let model: Model
    beforeAll(async () => {
      model = await load(path, { precision: 'exact', contextLength })
    })
    afterAll(() => model.close())

    it('has the logits', () => expectLogits(model, path))

    it('has the logits of the last position alone', async () => {
      const { ids, i } = prompts.at(-1) as (typeof prompts)[number]
      const last = await model.logits(ids, { positions: 'last' })
      const want = tensors.get(`prompt.${i}.logits`).subarray(-last.shape[1])
      expect(last.shape[0]).toBe(1)
      expectWithin(last.data, want, expected.tolerance, `prompt ${i}`)
    })

    it('says the greedy tokens, and then has the logits at their end', async () => {
      expect(withGreedy.length).toBeGreaterThan(0)
      await Promise.all(
        withGreedy.map(async ({ ids, greedy: tokens = [], i }) => {
          const result = await model.generate({ tokens: ids }, greedy).result()
          expect([...result.tokens], `prompt ${i}`).toEqual(tokens)
          expect(result.finishReason).toBe('length')
          const { data } = await model.logits([...ids, ...tokens], { positions: 'last' })
          expectWithin(data, tensors.get(`prompt.${i}.greedy_end_logits`), expected.tolerance, `end of ${i}`)
        }),
      )
    })

    const stopTokens = expected.stop_tokens
    const stops = async () => {
      expect(new Set(model.info.stopTokens)).toEqual(new Set(stopTokens))
      for (const { ids, greedy: tokens = [], stop_after = null, i } of withGreedy) {
        const result = await model.generate({ tokens: ids }, { ...greedy, ignoreEos: false }).result()
        const wanted = stop_after === null ? tokens : tokens.slice(0, stop_after + 1)
        expect([...result.tokens], `prompt ${i}`).toEqual(wanted)
        expect(result.finishReason, `prompt ${i}`).toBe(stop_after === null ? 'length' : 'stop')
      }
    }
    if (stopTokens !== undefined) it('stops after the first stop token', stops)

    const beyond = Object.entries(expected.beyond_limit_greedy ?? {})
    if (beyond.length === 0) return
    it('goes on beyond its limit as cached decoding does', async () => {
      for (const [key, { hf_with_cache: tokens }] of beyond) {
        const { ids } = prompts[Number(key.replace('prompt.', ''))] as Prompt
        const result = await model.generate({ tokens: ids }, { ...greedy, maxTokens: tokens.length }).result()
        expect([...result.tokens], key).toEqual(tokens)
      }
    })
  })

  it(`${name}, fast: the logits are as near as 16 bits allow`, async () => {
    const model = await load(path, { contextLength })
    expect(model.info.precision).toBe('fast')
    for (const { ids, i } of prompts) {
      const { data } = await model.logits(ids, { positions: 'last' })
      const want = tensors.get(`prompt.${i}.logits`).subarray(-data.length)
      expect(largestDifference(data, want), `prompt ${i}`).toBeLessThanOrEqual(mostLossOf16Bits)
    }
    await model.close()
  })
}

describeCase('the fixture qwen3-tied', fixturePath('models', 'qwen3-tied'))

requireGoldens()
it.skipIf(!goldensPresent).each(supportedGoldens)('$name is what the list says of it', (listed) => {
  const path = goldenPath('models', listed.name)
  const { source, prompts } = readJson<Expected & { source: string }>(join(path, 'expected.json'))
  expect(source.split(', ')[0]).toBe(listed.judge)
  expect(readJson(join(path, 'config.json'))).toMatchObject({ model_type: listed.family })
  expect(prompts.length).toBe(listed.prompts)
  expect(prompts.filter(({ greedy }) => greedy != null).length).toBe(listed.greedy)
})

for (const name of goldensPresent ? cases : []) describeCase(name, goldenPath('models', name))

/** Whatever the folder holds beside the cases above, also what is added to it later, is refused by name or right. */
describe.skipIf(!goldensPresent)('what is not in the list', () => {
  // No models of their own: files with numbers, files that are broken, and plain qwen3 models with other expectations.
  const others = ['bad', 'unit-vectors', 'gguf-block-vectors', 'streaming-cache', 'dpo']
  const elsewhere = ['qwen3-embedding'] // test/tasks/embed.test.ts
  const names = goldensPresent ? readdirSync(goldenPath('models')) : []
  const refused = names.filter((name) => ![...cases, ...others, ...elsewhere].includes(name))

  /** What is refused in models whose own family works. */
  const reasons: [RegExp, RegExp][] = [
    [/^(fp8|awq|gptq|compressed)/, /quantized with "(fp8|awq|gptq|compressed-tensors)"/],
  ]

  /** What the message must name: the format, the family where it is none that works, or else the feature. */
  function expectedReason(name: string): RegExp | undefined {
    const config = goldenPath('models', name, 'config.json')
    if (!existsSync(config)) return /GGUF/i
    const { model_type: family } = readJson<{ model_type: string }>(config)
    if (!supportedGoldens.some((listed) => listed.family === family)) return new RegExp(`"${family}"`)
    return reasons.find(([pattern]) => pattern.test(name))?.[1]
  }

  it.each(refused)('%s is refused by name, or has the logits', async (name) => {
    const path = goldenPath('models', name)
    const loaded = await load(path, { precision: 'exact', contextLength }).catch((error: unknown) => error)
    if (loaded instanceof Model) return expectLogits(loaded, path).finally(() => loaded.close())
    const error = loaded
    expect(error).toBeInstanceOf(QuernError)
    const { code, message } = error as QuernError
    const reason = expectedReason(name)
    expect(code, message).toBe(reason?.source === 'GGUF' ? 'unsupported_format' : 'unsupported_model')
    // A family that was added since says at least what it is.
    expect(message).toMatch(reason ?? /not supported yet/)
  })

  it.each(['unit-vectors', 'gguf-block-vectors'])('%s is no model', async (name) => {
    await expect(load(goldenPath('models', name))).rejects.toBeInstanceOf(QuernError)
  })

  it.each(['streaming-cache', 'dpo'])('%s is a plain model', async (name) => {
    const model = await load(goldenPath('models', name))
    const { tokens } = await model.generate({ tokens: [3, 4] }, { maxTokens: 4, ignoreEos: true }).result()
    expect(tokens.length).toBe(4)
    await model.close()
  })
})
