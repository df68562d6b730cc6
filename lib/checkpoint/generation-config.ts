import type { GenerationDefaults } from '../generation-defaults.js'
import { readStopTokens } from './config.js'
import type { Fields } from './fields.js'

/** What generation_config.json says. */
export interface GenerationConfig {
  defaults: GenerationDefaults
  /** `eos_token_id`; absent: config.json's count. */
  stopTokens?: number[]
}

const share = { min: 0, max: 1 }

/**
 * Reads generation_config.json. `do_sample: false`, or nothing said of sampling at all, means greedy decoding; the top_k of 50 that
 * transformers applies where the file names none is left out. Values that mean "off" (top_k 0 or -1, top_p 1) are left out too.
 *
 * @throws {QuernError} `invalid_config`.
 */
export function readGenerationConfig(fields: Fields): GenerationConfig {
  const defaults = readSampling(fields)
  const repetitionPenalty = fields.number('repetition_penalty', { min: 1e-6, max: 1e6 })
  if (repetitionPenalty !== undefined && repetitionPenalty !== 1)
    defaults.repetitionPenalty = repetitionPenalty

  const config: GenerationConfig = { defaults }
  const stopTokens = readStopTokens(fields)
  if (stopTokens !== undefined) config.stopTokens = stopTokens
  return config
}

/** Without sampling, what is said of it has no meaning. */
function readSampling(fields: Fields): GenerationDefaults {
  const doSample = fields.boolean('do_sample')
  if (doSample === false) return { temperature: 0 }
  const temperature = fields.number('temperature', { min: 0, max: 1e6 })
  const topK = fields.integer('top_k', { min: -1, max: 2 ** 31 - 1 })
  const topP = fields.number('top_p', share)
  const minP = fields.number('min_p', share)
  const typicalP = fields.number('typical_p', share)
  const isSaid = [temperature, topK, topP, minP, typicalP].some((value) => value !== undefined)
  if (!doSample && !isSaid) return { temperature: 0 }
  const defaults: GenerationDefaults = { temperature: temperature ?? 1 }
  if (topK !== undefined && topK > 0) defaults.topK = topK
  if (topP !== undefined && topP < 1) defaults.topP = topP
  if (minP !== undefined && minP > 0) defaults.minP = minP
  if (typicalP !== undefined && typicalP < 1) defaults.typicalP = typicalP
  return defaults
}
