import type { GenerateOptions } from '../../index.js'

const names = [
  'maxTokens',
  'temperature',
  'topP',
  'topK',
  'minP',
  'seed',
  'frequencyPenalty',
  'presencePenalty',
  'repetitionPenalty',
  'templateVariables',
  'contextOverflow',
  'priority',
  'ignoreEos',
] as const

/**
 * Options of `generate()` that a model of LangChain is made with, or called with.
 *
 * @example
 * ```ts
 * const fields: GenerationFields = { temperature: 0.7, maxTokens: 256, seed: 42 }
 * ```
 */
export type GenerationFields = Pick<GenerateOptions, (typeof names)[number]>

/** What of an object are such options. */
export function generationFields(given: GenerationFields): GenerationFields {
  const entries = names.map((name) => [name, given[name]] as const)
  return Object.fromEntries(entries.filter(([, value]) => value !== undefined))
}
