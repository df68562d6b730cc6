import { QuernError } from '../errors.js'
import { ask } from '../generation/ask.js'
import { type TokenLogprob, tokenLogprobs } from '../generation/logprobs.js'
import { topLogprobsRange } from '../generation/options.js'
import { checkNumber } from '../input/check-option.js'
import { show } from '../input/show.js'
import { isArray } from '../input/take-data.js'
import { takeText } from '../input/take-text.js'
import { encodeText } from '../tokenizer/encode-text.js'
import { blame } from './blame.js'
import { askInFlight } from './in-flight.js'
import {
  joinTokens,
  type TakenText,
  type TextInput,
  type TextInputs,
  takeList,
  takeTextInput,
} from './take-texts.js'
import { type TaskOptions, takeTaskOptions } from './task-options.js'
import { expectGenerates, type TaskTarget } from './task-target.js'

/**
 * Options of {@link Model.score}.
 *
 * @example
 * ```ts
 * const { tokens } = await model.score('The capital of France is', ' Paris', { topLogprobs: 3 })
 * ```
 */
export interface ScoreOptions extends TaskOptions {
  /** Give the log-probabilities of this many of the likeliest tokens in each place too, 128 at most. Default: 0. */
  topLogprobs?: number | undefined
}

/**
 * How likely a model finds a continuation.
 *
 * @example
 * ```ts
 * const { logprob, tokens }: Score = await model.score('The capital of France is', ' Paris')
 * const perToken = logprob / tokens.length
 * ```
 */
export interface Score {
  /** Natural logarithm of the continuation's probability after the prompt: the sum over its tokens. */
  logprob: number
  /** The tokens of the continuation, each given all before it. */
  tokens: TokenLogprob[]
}

/** A prompt with a continuation, as tokens; those of the continuation begin at `first`. */
interface Pair {
  prompt: Int32Array
  first: number
}

/** The scores of continuations, or the one of a single continuation. */
export async function score(
  prompt: TextInput,
  continuation: TextInputs,
  options: ScoreOptions,
  target: TaskTarget,
): Promise<Score | Score[]> {
  expectGenerates(target)
  const taken = takeTaskOptions('score', options, ['topLogprobs'])
  const { topLogprobs: top = 0, priority = 0 } = taken
  checkNumber('topLogprobs', top, topLogprobsRange)
  const take = (name: string, text: unknown) => takeTextInput(name, text, target.longestSequence)
  const begin = take('prompt', prompt)
  const isList = isArray(continuation)
  const continuations = isList
    ? takeList('continuations', continuation, take)
    : [take('continuation', continuation)]

  const scoreOne = async (end: TakenText, index: number, signal: AbortSignal) => {
    try {
      const pair = await joined(begin, end, target)
      const task = { kind: 'score' as const, ...pair, priority, top, candidates: new Int32Array() }
      const { scores } = await ask(target, task, signal)
      const tokens = await tokenLogprobs(pair.prompt.subarray(pair.first), scores, target.nativeTokenizer)
      return { logprob: tokens.reduce((sum, { logprob }) => sum + logprob, 0), tokens }
    } catch (error) {
      throw isList ? blame(`continuations[${index}]`, error) : error
    }
  }
  const scores = await askInFlight(continuations, scoreOne, taken, target)
  return isList ? scores : (scores[0] as Score)
}

async function joined(prompt: TakenText, continuation: TakenText, target: TaskTarget): Promise<Pair> {
  if (typeof prompt !== typeof continuation) {
    throw new QuernError(
      'invalid_input',
      'score: expected prompt and continuation both as texts or both as { tokens }',
      {
        value: continuation,
      },
    )
  }
  if (continuation.length === 0)
    throw new QuernError('invalid_input', 'score: the continuation is empty', { value: continuation })
  const pair =
    typeof prompt === 'string'
      ? await encodedPair(prompt, continuation as string, target)
      : { prompt: joinTokens(prompt, continuation as Int32Array), first: prompt.length }
  if (pair.first > 0) return pair
  throw new QuernError(
    'invalid_input',
    "score: nothing comes before the continuation's first token, so it has no probability: " +
      `expected a prompt of one whole token at least, got ${describePrompt(prompt)}`,
    { value: prompt },
  )
}

function describePrompt(prompt: TakenText): string {
  if (typeof prompt !== 'string') return 'no tokens'
  return prompt.trim() === '' ? show(prompt) : `${show(prompt)}, which is a part of that token`
}

/**
 * As the usual evaluation harnesses do it: the two are encoded as one text, which is what a model has learned from, and spaces at the end of
 * the prompt count as the continuation's, since they are part of its first token. A token that begins in the prompt and ends in the
 * continuation is the continuation's too.
 */
async function encodedPair(prompt: string, continuation: string, { tokenizer }: TaskTarget): Promise<Pair> {
  const text = takeText('prompt and continuation', prompt + continuation)
  const head = await encodeText(tokenizer, prompt.trimEnd(), true)
  const whole = await encodeText(tokenizer, text, true)
  let first = 0
  while (first < head.length && head[first] === whole[first]) first++
  return { prompt: whole, first }
}
