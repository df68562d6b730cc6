import { randomInt } from 'node:crypto'
import type { GenerationDefaults } from '../generation-defaults.js'
import { checkNumber, checkSignal, invalidOption } from '../input/check-option.js'
import type { Range } from '../input/range.js'
import { takeOptions } from '../input/take-options.js'
import type { NativeTokenizer } from '../native/binding.js'
import type { NativeSampling } from '../native/sampling.js'
import { resolveSampling, samplingOptionNames } from './resolve-sampling.js'
import type { SamplingOptions } from './sampling-options.js'
import type { FunctionTool, ToolDefinition } from './tools.js'

/**
 * How to generate. What is left out comes from the model's generation_config.json.
 *
 * @example
 * ```ts
 * const options: GenerateOptions = { maxTokens: 256, temperature: 0.7, topP: 0.8, seed: 42 }
 * ```
 */
export interface GenerateOptions extends SamplingOptions {
  /** Tokens to generate at most. Default: what the context has room for; without an end where the model was loaded with attention sinks. */
  maxTokens?: number | undefined
  /** Give the logarithm of each token's probability in the result and on the events. */
  logprobs?: boolean | undefined
  /** The same for this many of the likeliest tokens in its place, 128 at most. */
  topLogprobs?: number | undefined
  /**
   * The same for the tokens of the prompt, in the result; a number: with so many of the likeliest in each place, 128 at most. The prompt is
   * then computed whole: nothing of it is taken from the KV cache.
   */
  promptLogprobs?: boolean | number | undefined
  /** Makes sampling repeatable, from 0 to 2^53 - 1. Default: random, and given in the result. */
  seed?: number | undefined
  /** Tokens that end the text beside the model's own; they are part of `tokens`, not of the text. */
  stopTokens?: number[] | undefined
  /** The text ends before the first of these, and no part of it comes out. */
  stop?: string | string[] | undefined
  /** Go on past the model's own stop tokens. */
  ignoreEos?: boolean | undefined
  /** Tools that the model may call, for messages. Its calls come as `tool-call` events and in the result. */
  tools?: (ToolDefinition | FunctionTool)[] | undefined
  /** Continue the last message, an assistant's, instead of answering it. */
  continueFinalMessage?: boolean | undefined
  /** Variables of the model's chat template, such as `{ enable_thinking: false }`. */
  templateVariables?: Record<string, unknown> | undefined
  /**
   * What to do with messages that do not fit the context. 'error' (the default) rejects with `context_overflow`. 'truncate' leaves out the oldest
   * turns (a user's message and all that answers it), never system messages nor the last turn; `result().dropped` says how many. Room is
   * kept for `maxTokens`, at most half of the context, or without it for 1024 tokens, at most a quarter; the last turn stays even where it
   * leaves less. 'sink' is for models that were loaded with it, and their default: prompt and answer may be longer than the context. With
   * another choice they stay within it there too.
   */
  contextOverflow?: 'error' | 'truncate' | 'sink' | undefined
  /**
   * From -100 to 100: where requests wait for memory or their turn, those of a higher priority go first. Default: 0, and among equals the
   * oldest first.
   */
  priority?: number | undefined
  /** Aborting it ends the generation: reading rejects with the signal's reason, unless `keepOnAbort` says otherwise. */
  signal?: AbortSignal | undefined
  /** An aborted `signal` ends the generation as 'cancelled', with what was said so far, instead of rejecting. Default: false. */
  keepOnAbort?: boolean | undefined
}

/** The same with every default filled in. */
export interface ResolvedOptions {
  maxTokens: number
  /** -1: none. */
  promptLogprobs: number
  priority: number
  sampling: NativeSampling
  seed: number
  stopTokens: number[]
  stop: string[]
  signal: AbortSignal | undefined
  keepOnAbort: boolean
}

/** What `priority` may be, of any request. */
export const priorityRange: Range = { min: -100, max: 100, integer: true }
/** Of how many tokens in one place log-probabilities may be asked for. */
export const topLogprobsRange: Range = { min: 0, max: 128, integer: true }

const ranges: Record<'maxTokens' | 'topLogprobs' | 'seed' | 'priority', Range> = {
  maxTokens: { min: 1, max: 2 ** 31 - 1, integer: true },
  topLogprobs: topLogprobsRange,
  priority: priorityRange,
  seed: { min: 0, max: Number.MAX_SAFE_INTEGER, integer: true },
}

/** What takeGenerateOptions() reads. */
export const generateOptionNames: readonly string[] = [
  ...Object.keys(ranges),
  ...samplingOptionNames,
  'logprobs',
  'promptLogprobs',
  'stopTokens',
  'stop',
  'ignoreEos',
  'tools',
  'continueFinalMessage',
  'templateVariables',
  'contextOverflow',
  'signal',
  'keepOnAbort',
]

const mostStopStrings = 64
const longestStopString = 1024

/**
 * The options of a call as a copy of our own, before anything of them is checked or used.
 *
 * @throws {QuernError} `unsupported_option`, `invalid_option`.
 */
export function takeGenerateOptions(call: string, options: GenerateOptions): GenerateOptions {
  return takeOptions(call, options, generateOptionNames, ['signal'])
}

/** Checks options that were taken, and fills in the model's defaults. */
export function resolveOptions(
  options: GenerateOptions,
  defaults: GenerationDefaults,
  modelStopTokens: readonly number[],
  tokenizer?: NativeTokenizer,
): ResolvedOptions {
  for (const [name, range] of Object.entries(ranges))
    checkNumber(name, options[name as keyof typeof ranges], range)
  const {
    stopTokens = [],
    ignoreEos = false,
    keepOnAbort = false,
    signal,
    logprobs = false,
    topLogprobs,
  } = options
  if (
    !Array.isArray(stopTokens) ||
    !stopTokens.every((id) => Number.isInteger(id) && id >= 0 && id < 2 ** 31)
  ) {
    throw invalidOption('stopTokens', 'an array of token ids', stopTokens)
  }
  checkOverflow(options.contextOverflow)
  if (typeof logprobs !== 'boolean') throw invalidOption('logprobs', 'true or false', logprobs)
  if (topLogprobs !== undefined && !logprobs)
    throw invalidOption('topLogprobs', 'logprobs: true beside it', topLogprobs)
  if (typeof ignoreEos !== 'boolean') throw invalidOption('ignoreEos', 'true or false', ignoreEos)
  if (typeof keepOnAbort !== 'boolean') throw invalidOption('keepOnAbort', 'true or false', keepOnAbort)
  checkSignal(signal)
  return {
    maxTokens: options.maxTokens ?? ranges.maxTokens.max,
    promptLogprobs: countPromptLogprobs(options.promptLogprobs),
    priority: options.priority ?? 0,
    sampling: {
      ...resolveSampling(options, defaults, tokenizer),
      topLogprobs: logprobs ? (topLogprobs ?? 0) : -1,
    },
    seed: options.seed ?? randomInt(2 ** 48 - 1),
    stopTokens: ignoreEos ? stopTokens : [...modelStopTokens, ...stopTokens],
    stop: stopStrings(options.stop === undefined ? [] : options.stop),
    signal,
    keepOnAbort,
  }
}

/** Of how many of the likeliest tokens; -1: no log-probabilities. */
function countPromptLogprobs(wanted: unknown): number {
  if (wanted === undefined || wanted === false) return -1
  if (wanted === true) return 0
  const { min, max } = topLogprobsRange
  if (Number.isInteger(wanted) && (wanted as number) >= min && (wanted as number) <= max)
    return wanted as number
  throw invalidOption('promptLogprobs', `true, false or a whole number from ${min} to ${max}`, wanted)
}

function checkOverflow(choice: unknown): void {
  if (choice === undefined || choice === 'error' || choice === 'truncate' || choice === 'sink') return
  throw invalidOption('contextOverflow', "'error', 'truncate' or 'sink'", choice)
}

function stopStrings(stop: unknown): string[] {
  const strings = typeof stop === 'string' ? [stop] : stop
  const isStop = (text: unknown) =>
    typeof text === 'string' && text.length > 0 && text.length <= longestStopString
  if (Array.isArray(strings) && strings.length <= mostStopStrings && strings.every(isStop))
    return [...strings]
  throw invalidOption(
    'stop',
    `a text or at most ${mostStopStrings} of them, each of 1 to ${longestStopString} characters`,
    stop,
  )
}
