import type { GenerateOptions } from '../generation/options.js'
import { invalidOption } from '../input/check-option.js'
import { takeOptions } from '../input/take-options.js'
import { type GenerateInput, makePrompt, type PromptTools } from './prompt.js'
import { takeInput } from './take-input.js'

/**
 * Options of {@link Model.promptTokens}.
 *
 * @example
 * ```ts
 * const options: PromptTokensOptions = { tools: [getWeather], addGenerationPrompt: false }
 * ```
 */
export interface PromptTokensOptions
  extends Pick<GenerateOptions, 'tools' | 'continueFinalMessage' | 'templateVariables'> {
  /** For messages: open the assistant's answer, as generating does. Default: true, but for `continueFinalMessage`. */
  addGenerationPrompt?: boolean | undefined
  /** For a text: add the tokens that the model's tokenizer puts around one. Default: true. */
  addSpecialTokens?: boolean | undefined
}

const flags = ['addGenerationPrompt', 'addSpecialTokens'] as const
const optionNames = ['tools', 'continueFinalMessage', 'templateVariables', ...flags]

/** The tokens that a generation would begin with. */
export async function promptTokens(
  input: GenerateInput,
  options: PromptTokensOptions,
  source: PromptTools,
): Promise<Int32Array> {
  const taken = takeOptions('promptTokens', options, optionNames)
  for (const name of flags) {
    if (taken[name] !== undefined && typeof taken[name] !== 'boolean')
      throw invalidOption(name, 'true or false', taken[name])
  }
  const prompt = await makePrompt(takeInput(input, Number.POSITIVE_INFINITY), taken, source)
  return prompt.tokens
}
