import { randomInt } from 'node:crypto'
import { checkNumber, invalidOption } from '../input/check-option.js'
import { takeOptions } from '../input/take-options.js'
import { type GenerateOptions, generateOptionNames } from './options.js'

/**
 * Options of `generateMany()`.
 *
 * @example
 * ```ts
 * const options: GenerateManyOptions = { n: 4, temperature: 1, maxTokens: 100 }
 * ```
 */
export interface GenerateManyOptions extends GenerateOptions {
  /** How many continuations, 1024 at most. */
  n: number
}

/** The options as a copy of our own, as takeGenerateOptions() makes it. */
export function takeGenerateManyOptions(options: GenerateManyOptions): GenerateManyOptions {
  return takeOptions('generateMany', options, ['n', ...generateOptionNames], ['signal'])
}

/** n seeds from the given one on, or from a random one. One that is no seed is left for generate() to refuse. */
export function consecutiveSeeds(n: number, first: number | undefined): number[] {
  if (n === undefined) throw invalidOption('n', 'a whole number from 1 to 1024', n)
  checkNumber('n', n, { min: 1, max: 1024, integer: true })
  if (first !== undefined && !(Number.isSafeInteger(first) && first >= 0))
    return Array.from({ length: n }, () => first)
  if (first !== undefined && first > Number.MAX_SAFE_INTEGER - n + 1)
    throw invalidOption(
      'seed',
      `at most ${Number.MAX_SAFE_INTEGER - n + 1}, for ${n} seeds from there on`,
      first,
    )
  const seed = first ?? randomInt(2 ** 48 - 1)
  return Array.from({ length: n }, (_, index) => seed + index)
}

/** Makes the value when it is first asked for; a failure is kept as well. */
export function once<T>(make: () => T): () => T {
  let made: (() => T) | undefined
  return () => {
    made ??= attempt(make)
    return made()
  }
}

function attempt<T>(make: () => T): () => T {
  try {
    const value = make()
    return () => value
  } catch (error) {
    return () => {
      throw error
    }
  }
}
