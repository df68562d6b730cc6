// Weights of 8 and 4 bits: what they cost in likelihood on a real model.
import { beforeAll, describe, expect, it } from 'vitest'
import { load, type Quantization } from '../../lib/index.js'
import { requirePresent } from '../require-present.js'
import { expectedOfSmolLm2, smolLm2, whatSmolLm2Lacks } from './smollm2.js'

const missing = whatSmolLm2Lacks()
requirePresent('what SmolLM2-135M is made of', missing)

const texts = missing === undefined ? expectedOfSmolLm2().texts : []

async function meanNlls(options: { dtype: Quantization; precision: 'exact' | 'fast' }): Promise<number[]> {
  const model = await load(smolLm2('bf16'), options)
  try {
    const { dtype, precision } = options
    expect(model.info).toMatchObject({ dtype, precision })
    return await Promise.all(texts.map(async ({ text }) => (await model.perplexity(text)).nll))
  } finally {
    await model.close()
  }
}

/** Mean negative log-likelihoods with weights that numpy rounded to 4 bits in float64, used as float32 by this very engine. */
const roundedElsewhere: Record<string, number> = { english: 3.44724, chinese: 2.84128, code: 1.58327 }

const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length

describe.runIf(missing === undefined).each(['int8', 'int4'] as const)(
  'SmolLM2-135M-Instruct in %s',
  (dtype) => {
    let exact: number[], fast: number[]
    beforeAll(async () => {
      exact = await meanNlls({ dtype, precision: 'exact' })
      fast = await meanNlls({ dtype, precision: 'fast' })
    })

    if (dtype === 'int8') {
      it("has a perplexity within 0.3 % of bfloat16's", () => {
        const stored = mean(texts.map(({ bf16 }) => bf16.mean_nll))
        expect(Math.abs(Math.exp(mean(exact) - stored) - 1)).toBeLessThanOrEqual(0.003)
      })
    } else {
      it('loses what rounding to 4 bits loses, and no more', () => {
        for (const [i, nll] of exact.entries()) {
          const { id = '' } = texts[i] ?? {}
          expect(Math.abs(nll - (roundedElsewhere[id] ?? Number.NaN)), id).toBeLessThanOrEqual(0.001)
        }
      })
    }

    it('loses little by activations of 8 bits', () => {
      for (const [i, nll] of fast.entries())
        expect(Math.abs(nll - (exact[i] as number)), texts[i]?.id).toBeLessThanOrEqual(0.01)
    })
  },
)
