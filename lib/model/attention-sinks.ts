import type { DecoderConfig } from '../checkpoint/decoder-config.js'
import { QuernError } from '../errors.js'
import { checkMembers, checkNumber, invalidOption } from '../input/check-option.js'
import type { Range } from '../input/range.js'

/**
 * What every token sees of a sequence that may grow without an end: its first tokens and its last ones, at the distances that they would have
 * if nothing had ever stood between them ("StreamingLLM").
 *
 * @example
 * ```ts
 * const attentionSinks: AttentionSinks = { sinks: 4, window: 1020 }
 * const model = await load('./Qwen3-0.6B', { attentionSinks })
 * ```
 */
export interface AttentionSinks {
  /** Tokens at the beginning that stay, 0 or more. 4 are enough for most models; without any a model's text usually falls apart. */
  sinks: number
  /** The last tokens that one sees, itself included, 1 or more; together with `sinks` at most `contextLength`. */
  window: number
}

/** As many as the article found to be enough. */
const defaultSinks = 4

const ranges: Record<keyof AttentionSinks, Range> = {
  sinks: { min: 0, max: 2 ** 28, integer: true },
  window: { min: 1, max: 2 ** 28, integer: true },
}

/** What of load()'s options says that a sequence has no end. */
export interface SinkOptions {
  contextOverflow?: 'error' | 'sink' | undefined
  attentionSinks?: AttentionSinks | undefined
}

/** Throws `invalid_option` or `unsupported_option` for what no model could be loaded with. */
export function checkSinkOptions({ contextOverflow, attentionSinks }: SinkOptions): void {
  if (attentionSinks === undefined) return
  const members = Object.keys(ranges) as (keyof AttentionSinks)[]
  checkMembers('attentionSinks', attentionSinks, members)
  for (const name of members) {
    if (attentionSinks[name] === undefined)
      throw invalidOption('attentionSinks', 'both sinks and window', attentionSinks)
    checkNumber(`attentionSinks.${name}`, attentionSinks[name], ranges[name])
  }
  if (contextOverflow === 'error')
    throw invalidOption('contextOverflow', "'sink' beside attentionSinks, or nothing", contextOverflow)
}

/**
 * What the tokens of a model see, by the options it is loaded with; undefined: all before them.
 *
 * @throws {QuernError} `invalid_option` where the context does not hold it, `unsupported_option` where layers have windows of their own.
 */
export function resolveSinks(
  { contextOverflow, attentionSinks }: SinkOptions,
  config: DecoderConfig,
  contextLength: number,
): AttentionSinks | undefined {
  if (attentionSinks === undefined && contextOverflow !== 'sink') return undefined
  const windowed = config.layers.find(({ mixer }) => mixer.window > 0)
  if (windowed !== undefined) {
    const message = `attention sinks: layers of this model see ${windowed.mixer.window} tokens as it was trained, which sinks would change: load it without contextOverflow 'sink' and attentionSinks`
    throw new QuernError('unsupported_option', message, { value: attentionSinks ?? contextOverflow })
  }
  const { sinks, window } = attentionSinks ?? { sinks: defaultSinks, window: contextLength - defaultSinks }
  if (window >= 1 && sinks + window <= contextLength) return { sinks, window }
  if (attentionSinks !== undefined)
    throw invalidOption(
      'attentionSinks',
      `sinks + window to be at most contextLength, ${contextLength}`,
      attentionSinks,
    )
  throw invalidOption(
    'contextOverflow',
    `a contextLength above ${defaultSinks} beside 'sink', it is ${contextLength}`,
    contextOverflow,
  )
}

/** Throws `unsupported_option` where a request wants to go on without an end, and the model was not loaded for that. */
export function checkSinkChoice(choice: unknown, sinks: AttentionSinks | undefined): void {
  if (choice !== 'sink' || sinks !== undefined) return
  const message =
    "contextOverflow: 'sink' is for models that were loaded so: load(source, { contextOverflow: 'sink' }), or choose from 'error', 'truncate'"
  throw new QuernError('unsupported_option', message, { value: choice })
}
