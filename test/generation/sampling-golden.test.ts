// samplingDistribution() against what transformers' own processors, and float64 references, give. Thresholds there are never
// within 2e-5 of a value, so which tokens are kept must agree exactly.
import { describe, expect, it } from 'vitest'
import { type SamplerName, type SamplingOptions, samplingDistribution } from '../../lib/index.js'
import { goldenPath, goldensPresent, readJsonLines, requireGoldens } from '../golden.js'

interface Expected {
  id: string
  ids?: number[]
  probs?: number[]
  probs_f32?: string
}

requireGoldens()

function floats(base64: string): Float32Array {
  const bytes = Uint8Array.from(Buffer.from(base64, 'base64'))
  return new Float32Array(bytes.buffer)
}

function golden<T>(name: string): T[] {
  return goldensPresent ? readJsonLines<T>(goldenPath('sampling', name)) : []
}

const allLogits = golden<{
  name: string
  n: number
  f32: string
  argmax: number
  top20: [number, number][]
  logprobs: [number, number][]
}>('logits.jsonl.gz')
const logitsByName = new Map(allLogits.map((one) => [one.name, floats(one.f32)]))

function logitsOf(name: string): Float32Array {
  const logits = logitsByName.get(name)
  if (logits === undefined) throw new Error(`no logits ${name}`)
  return logits
}

/** What float32 rounds to more than 0: some kept tokens have less. */
const leastFloat32 = 2 ** -149

/** All that is wrong; nothing if it is right. */
function differences(got: Float32Array, expected: Expected): string[] {
  const probabilities = new Float64Array(got.length)
  if (expected.probs_f32 !== undefined) probabilities.set(floats(expected.probs_f32))
  expected.ids?.forEach((id, i) => {
    probabilities[id] = expected.probs?.[i] as number
  })
  const found: string[] = []
  probabilities.forEach((p, id) => {
    const value = got[id] as number
    const isKept = p >= leastFloat32
    if (isKept !== value > 0) found.push(`${expected.id}: token ${id} is ${value}, expected ${p}`)
    else if (Math.abs(value - p) > 1e-5 + 1e-4 * p)
      found.push(`${expected.id}: token ${id}: ${value} for ${p}`)
  })
  return found
}

const spelled: Record<string, SamplerName> = {
  temperature: 'temperature',
  top_k: 'topK',
  top_p: 'topP',
  min_p: 'minP',
  typical_p: 'typicalP',
  top_n_sigma: 'topNSigma',
  repetition_penalty: 'repetitionPenalty',
  frequency_penalty: 'frequencyPenalty',
  presence_penalty: 'presencePenalty',
  logit_bias: 'logitBias',
}

function optionsOf(params: Record<string, unknown>): SamplingOptions {
  return Object.fromEntries(Object.entries(params).map(([name, value]) => [spelled[name], value]))
}

describe.skipIf(!goldensPresent)('golden', () => {
  it('temperature 0 takes the first of the likeliest', () => {
    for (const { name, argmax } of allLogits) {
      const got = samplingDistribution(logitsOf(name), { temperature: 0 })
      expect([name, got[argmax], got.reduce((sum, p) => sum + p, 0)]).toEqual([name, 1, 1])
    }
  })

  it('nothing asked for: the logarithms are those of the raw logits', () => {
    for (const { name, top20, logprobs } of allLogits) {
      const got = samplingDistribution(logitsOf(name))
      for (const [id, logprob] of [...top20, ...logprobs]) {
        if (logprob < -80) continue // beyond what a float32 probability holds
        const label = `${name} ${id}`
        expect([label, Math.abs(Math.log(got[id] as number) - logprob) < 1e-5 - 1e-6 * logprob]).toEqual([
          label,
          true,
        ])
      }
    }
  })

  it("filters and penalties, in Hugging Face's order", () => {
    type Case = Expected & {
      logits: string
      params: Record<string, unknown>
      prompt: number[]
      output: number[]
    }
    const cases = golden<Case>('filters.jsonl.gz')
    const found = cases.flatMap((one) => {
      const context = { prompt: one.prompt, generated: one.output }
      return differences(samplingDistribution(logitsOf(one.logits), optionsOf(one.params), context), one)
    })
    expect(found).toEqual([])
    expect(cases.length).toBeGreaterThan(1300)
  })

  it('chains in a given order', () => {
    const cases = golden<Expected & { logits: string; chain: [string, number][] }>('chains.jsonl.gz')
    const found = cases.flatMap((one) => {
      const options = optionsOf(Object.fromEntries(one.chain))
      const samplers = one.chain.map(([name]) => spelled[name] as SamplerName)
      return differences(samplingDistribution(logitsOf(one.logits), { ...options, samplers }), one)
    })
    expect(found).toEqual([])
    expect(cases.length).toBe(120)
  })

  it('dry', () => {
    interface Case {
      id: string
      vocab: number
      context: number[]
      multiplier: number
      base: number
      allowed_length: number
      penalty_last_n: number
      breakers: number[][]
      penalty: [number, number][]
    }
    const cases = golden<Case>('dry.jsonl')
    const found = cases.flatMap((one) => {
      const half = one.context.length >> 1 // where the prompt ends makes no difference
      const context = { prompt: one.context.slice(0, half), generated: one.context.slice(half) }
      const dry = {
        multiplier: one.multiplier,
        base: one.base,
        allowedLength: one.allowed_length,
        penaltyLastN: one.penalty_last_n,
        breakers: one.breakers,
      }
      const penalties = new Map(one.penalty)
      // Some tokens begin so high that even what is left of them can be told.
      return [0, 8, 40].flatMap((start) => {
        const logits = Float32Array.from({ length: one.vocab }, (_, id) => (penalties.has(id) ? start : 0))
        const weights = Array.from(logits, (logit, id) => Math.exp(logit - (penalties.get(id) ?? 0) - 40))
        const sum = weights.reduce((a, b) => a + b, 0)
        const ids = [...weights.keys()].filter((id) => (weights[id] as number) / sum >= leastFloat32)
        const probs = ids.map((id) => (weights[id] as number) / sum)
        const got = samplingDistribution(logits, { dry }, context)
        return differences(got, { id: `${one.id} from ${start}`, ids, probs })
      })
    })
    expect(found).toEqual([])
    expect(cases.length).toBe(96)
  })

  it('xtc', () => {
    type Case = Expected & {
      logits: string
      temperature: number
      probability: number
      threshold: number
      u: number
    }
    const cases = golden<Case>('xtc.jsonl')
    const found = cases.flatMap(({ logits, temperature, probability, threshold, u, ...one }) => {
      // The draw is given there: it takes part where u <= probability.
      const happens = probability > 0 && u <= probability
      const options = { temperature, xtc: { probability: happens ? 1 : 0, threshold } }
      const got = samplingDistribution(logitsOf(logits), options)
      // By chance it is both.
      const other = { temperature, xtc: { probability: happens ? 0 : 1, threshold } }
      const without = samplingDistribution(logitsOf(logits), other)
      const mixed = samplingDistribution(logitsOf(logits), {
        temperature,
        xtc: { probability: 0.25, threshold },
      })
      const wrong = mixed.findIndex((p, id) => {
        const [on, off] = happens ? [got[id], without[id]] : [without[id], got[id]]
        return Math.abs(p - (0.25 * (on as number) + 0.75 * (off as number))) > 1e-6
      })
      return [...differences(got, one), ...(wrong < 0 ? [] : [`${one.id}: not mixed at ${wrong}`])]
    })
    expect(found).toEqual([])
    expect(cases.length).toBe(80)
  })

  it('top-n-sigma', () => {
    const cases = golden<Expected & { logits: string; n: number }>('sigma.jsonl')
    const found = cases.flatMap((one) =>
      differences(samplingDistribution(logitsOf(one.logits), { topNSigma: one.n }), one),
    )
    expect(found).toEqual([])
    expect(cases.length).toBe(283)
  })

  it('mirostat, its state carried from token to token', () => {
    interface Step {
      logits: string
      mu: number
      kept: number
      kept_min_id_prob: [number, number]
      token: number
      token_prob: number
      mu_after: number
    }
    const cases = golden<{ id: string; tau: number; eta: number; temperature: number; steps: Step[] }>(
      'mirostat.jsonl',
    )
    for (const { id, tau, eta, temperature, steps } of cases) {
      let mu = 2 * tau
      steps.forEach((step, index) => {
        const got = samplingDistribution(logitsOf(step.logits), {
          temperature,
          mirostat: { version: 2, tau, eta, mu },
        })
        const label = `${id} ${index}`
        const kept = got.reduce((sum, p) => sum + Number(p > 0), 0)
        const [least, leastProbability] = step.kept_min_id_prob
        // Where all are kept, the record counts those too that were masked from the beginning.
        const finite = logitsOf(step.logits).reduce((sum, logit) => sum + Number(Number.isFinite(logit)), 0)
        expect([label, kept]).toEqual([label, Math.min(step.kept, finite)])
        expect(mu).toBeCloseTo(step.mu, 4)
        expect(Math.abs((got[least] as number) - leastProbability)).toBeLessThan(
          1e-5 + 1e-4 * leastProbability,
        )
        expect(Math.abs((got[step.token] as number) - step.token_prob)).toBeLessThan(
          1e-5 + 1e-4 * step.token_prob,
        )
        mu -= eta * (-Math.log2(got[step.token] as number) - tau)
        expect(Math.abs(mu - step.mu_after)).toBeLessThan(1e-4)
      })
    }
    expect(cases.length).toBe(39)
  })
})
