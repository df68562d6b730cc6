import { type GenerateOptions, QuernError } from '../../index.js'
import type { ProviderOptions } from './spec.js'

/**
 * What `providerOptions.quern` may hold for text: the options of `generate()` that the AI SDK has no word for, `minP` or
 * `templateVariables` for example. They go before the SDK's own settings.
 *
 * @example
 * ```ts
 * const quern: OwnOptions = { minP: 0.05, templateVariables: { enable_thinking: false } }
 * ```
 */
export type OwnOptions = Omit<
  GenerateOptions,
  'tools' | 'signal' | 'keepOnAbort' | 'logprobs' | 'topLogprobs' | 'promptLogprobs'
>

/** What the adapter itself sees to, or the SDK has no place for. */
const reserved: readonly Exclude<keyof GenerateOptions, keyof OwnOptions>[] = [
  'tools',
  'signal',
  'keepOnAbort',
  'logprobs',
  'topLogprobs',
  'promptLogprobs',
]

/** @throws {QuernError} `unsupported_option` for what cannot be there; the rest is checked where it is used. */
export function ownOptions(options: ProviderOptions | undefined): OwnOptions {
  const own = options?.quern ?? {}
  for (const name of reserved) {
    if (own[name] !== undefined)
      throw new QuernError('unsupported_option', `providerOptions.quern.${name}: it cannot be set here`, {
        value: own[name],
      })
  }
  return own as OwnOptions
}
