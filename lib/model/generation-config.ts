import type { GenerationDefaults } from '../generation/defaults.js'
import { tokenIds } from './config.js'
import type { Fields } from './fields.js'

/** What generation_config.json says. */
export interface GenerationConfig {
  defaults: GenerationDefaults
  /** `eos_token_id`; absent: config.json's count. */
  stopTokens?: number[]
  bosToken?: number
}

const share = { min: 0, max: 1 }

/**
 * Reads generation_config.json. `do_sample: false`, or nothing said of sampling at all, means greedy decoding; the top_k of 50 that
 * transformers applies where the file names none is left out. Values that mean "off" (top_k 0 or -1, top_p 1) are left out too.
 *
 * @throws {QuernError} `invalid_config`.
 */
export function readGenerationConfig(fields: Fields): GenerationConfig {
  const doSample = fields.boolean('do_sample')
  const temperature = fields.number('temperature', { min: 0, max: 1e6 })
  const topK = fields.integer('top_k', { min: -1, max: 2 ** 31 - 1 })
  const topP = fields.number('top_p', share)
  const minP = fields.number('min_p', share)
  const typicalP = fields.number('typical_p', share)
  const repetitionPenalty = fields.number('repetition_penalty', { min: 0, above: true, max: 1e6 })

  const samples = doSample ?? [temperature, topK, topP, minP, typicalP].some((value) => value !== undefined)
  const defaults: GenerationDefaults = { temperature: samples ? (temperature ?? 1) : 0 }
  if (samples) {
    if (topK !== undefined && topK > 0) defaults.topK = topK
    if (topP !== undefined && topP < 1) defaults.topP = topP
    if (minP !== undefined && minP > 0) defaults.minP = minP
    if (typicalP !== undefined && typicalP < 1) defaults.typicalP = typicalP
  }
  if (repetitionPenalty !== undefined && repetitionPenalty !== 1)
    defaults.repetitionPenalty = repetitionPenalty

  const config: GenerationConfig = { defaults }
  const stopTokens = fields.integers('eos_token_id', tokenIds)
  const bosToken = fields.integer('bos_token_id', tokenIds)
  if (stopTokens !== undefined) config.stopTokens = stopTokens
  if (bosToken !== undefined) config.bosToken = bosToken
  return config
}
