import { type GenerateOptions, QuernError } from '../../index.js'
import { show } from '../../input/show.js'
import { nearestName } from '../../nearest-name.js'

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

/**
 * What a class is made with, or called with: LangChain's members and ours. A name that is neither passes where it may be one of LangChain's,
 * which are not ours to list; one that is all but a name of ours was meant as that.
 *
 * @throws {QuernError} `invalid_option` for what is no object, `unsupported_option` for a name that was meant as another.
 */
export function takeFields<T extends object>(owner: string, given: T, more: readonly string[] = []): T {
  if (typeof given !== 'object' || given === null) {
    const message = `${owner}: expected an object of fields, its model among them, got ${show(given)}`
    throw new QuernError('invalid_option', message, { value: given })
  }
  const known = [...names, ...more]
  for (const name of Object.keys(given)) {
    const meant = known.includes(name) ? undefined : nearestName(name, known)
    if (meant !== undefined)
      throw new QuernError('unsupported_option', `${owner}: there is no ${name}; did you mean ${meant}?`, {
        value: name,
      })
  }
  return given
}

/** What of an object are such options. */
export function generationFields(given: GenerationFields): GenerationFields {
  const entries = names.map((name) => [name, given[name]] as const)
  return Object.fromEntries(entries.filter(([, value]) => value !== undefined))
}
