import { z } from 'zod'
import type { GenerateOptions } from '../../index.js'
import { list, optional } from '../body-members.js'

/** What leaves the likeliest token alone, as OpenAI's `top_p: 0` does. */
const smallestShare = 1e-9
const mostStops = 64
const mostBiases = 1024

const logitBias = z.preprocess(
  (value, context) => {
    const count = typeof value === 'object' && value !== null ? Object.keys(value).length : 0
    if (count <= mostBiases) return value
    context.addIssue({ code: 'custom', message: `expected at most ${mostBiases} tokens, got ${count}` })
    return z.NEVER
  },
  z.record(z.string().regex(/^\d+$/, 'expected the id of a token'), z.number().min(-100).max(100)),
)

/** What OpenAI's requests for text say of sampling, and what servers of open models add: top_k, min_p, repetition_penalty, … */
export const samplingParams = {
  temperature: optional(z.number().min(0).max(2)),
  top_p: optional(z.number().min(0).max(1)),
  top_k: optional(z.int().min(-1)),
  min_p: optional(z.number().min(0).max(1)),
  repetition_penalty: optional(z.number().min(1e-6).max(1e6)),
  presence_penalty: optional(z.number().min(-2).max(2)),
  frequency_penalty: optional(z.number().min(-2).max(2)),
  logit_bias: optional(logitBias),
  seed: optional(z.int()),
  stop: optional(
    z.union([z.string(), list(z.string(), mostStops)], `expected a text or at most ${mostStops} texts`),
  ),
  stop_token_ids: optional(list(z.int().min(0), mostStops)),
  ignore_eos: optional(z.boolean()),
  /** From -100 to 100: where requests wait, those of a higher priority go first. */
  priority: optional(z.int().min(-100).max(100)),
}

type SamplingParams = z.output<z.ZodObject<typeof samplingParams>>

/** The same in this library's words; what is left out is the model's own. */
export function samplingOptions(params: SamplingParams): GenerateOptions {
  const { stop } = params
  return {
    temperature: params.temperature,
    topP: params.top_p === 0 ? smallestShare : params.top_p,
    topK: params.top_k === -1 ? 0 : params.top_k,
    minP: params.min_p,
    repetitionPenalty: params.repetition_penalty,
    presencePenalty: params.presence_penalty,
    frequencyPenalty: params.frequency_penalty,
    logitBias: params.logit_bias,
    seed: params.seed === undefined ? undefined : Math.abs(params.seed),
    stop: stop === '' || stop?.length === 0 ? undefined : stop,
    stopTokens: params.stop_token_ids,
    ignoreEos: params.ignore_eos,
    priority: params.priority,
  }
}
