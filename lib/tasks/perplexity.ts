import { QuernError } from '../errors.js'
import { ask } from '../generation/ask.js'
import { checkNumber } from '../input/check-option.js'
import { askInFlight, type Items } from './in-flight.js'
import { type TextInput, takeTextInput, tokensOf } from './take-texts.js'
import { type TaskOptions, takeTaskOptions } from './task-options.js'
import { expectGenerates, type TaskTarget } from './task-target.js'

/**
 * Options of {@link Model.perplexity}.
 *
 * @example
 * ```ts
 * const { perplexity } = await model.perplexity(await readFile('wiki.txt', 'utf8'), { window: 2048, stride: 512 })
 * ```
 */
export interface PerplexityOptions extends TaskOptions {
  /** Tokens that the model sees at a time, 2 at least. Default: what its context and its KV cache have room for, with attention sinks all. */
  window?: number | undefined
  /** How many tokens each window goes on. The smaller, the more each token has before it, and the longer it takes. Default: half of `window`. */
  stride?: number | undefined
}

/**
 * How well a model foretells a text.
 *
 * @example
 * ```ts
 * const { perplexity, nll, tokens }: Perplexity = await model.perplexity('The sun rises in the east.')
 * ```
 */
export interface Perplexity {
  /** e to the power of `nll`: 1 for a text that is certain, the size of the vocabulary for one that is noise. */
  perplexity: number
  /** Mean of the tokens' negative log-probabilities, in nats. */
  nll: number
  /** That were foretold: all but the first, before which there is nothing. */
  tokens: number
}

interface Window {
  begin: number
  /** Of the tokens from here on, no window before has told. */
  first: number
  end: number
}

/** Over windows that overlap, as in Hugging Face's guide, where the text is longer than one; each token counts once. */
export async function perplexity(
  text: TextInput,
  options: PerplexityOptions,
  target: TaskTarget,
): Promise<Perplexity> {
  expectGenerates(target)
  const taken = takeTaskOptions('perplexity', options, ['window', 'stride'])
  const { window = target.capacity, priority = 0 } = taken
  checkNumber('window', taken.window, { min: 2, max: target.capacity, integer: true })
  const { stride = Math.floor(window / 2) } = taken
  checkNumber('stride', stride, { min: 1, max: window - 1, integer: true })
  const tokens = await tokensOf(takeTextInput('text', text), target)
  if (tokens.length < 2) {
    throw new QuernError(
      'invalid_input',
      `perplexity: expected a text of 2 tokens at least, got ${tokens.length}`,
      {
        value: text,
      },
    )
  }
  const told = await askInFlight(
    windowsOf(tokens.length, window, stride),
    async ({ begin, first, end }, _, signal) => {
      const prompt = tokens.slice(begin, end)
      const task = { kind: 'score' as const, prompt, priority, first: first - begin, top: 0 }
      const { scores } = await ask(target, { ...task, candidates: new Int32Array() }, signal)
      return scores.values.reduce((sum, logprob) => sum - logprob, 0)
    },
    taken,
    target,
  )
  const count = tokens.length - 1
  const nll = told.reduce((sum, part) => sum + part, 0) / count
  return { perplexity: Math.exp(nll), nll, tokens: count }
}

/** As many as reach the text's end, of which each goes on by a stride: a list that makes them when they are asked for. */
function windowsOf(tokens: number, window: number, stride: number): Items<Window> {
  return {
    length: 1 + Math.max(0, Math.ceil((tokens - window) / stride)),
    at: (index) => ({
      begin: index * stride,
      first: index === 0 ? 1 : (index - 1) * stride + window,
      end: Math.min(index * stride + window, tokens),
    }),
  }
}
