import { QuernError } from '../errors.js'
import { ask } from '../generation/ask.js'
import { checkNumber, invalidOption } from '../input/check-option.js'
import { isArray } from '../input/take-data.js'
import { takeText } from '../input/take-text.js'
import { blame } from './blame.js'
import { askInFlight } from './in-flight.js'
import { type TakenText, type TextInputs, takeList, takeTextInput, tokensOf } from './take-texts.js'
import { type TaskOptions, takeTaskOptions } from './task-options.js'
import type { TaskTarget } from './task-target.js'

/**
 * Options of {@link Model.embed}.
 *
 * @example
 * ```ts
 * const task = 'Given a web search query, retrieve relevant passages that answer the query'
 * const query = await model.embed('Why is the sky blue?', { instruction: task, dimensions: 256 })
 * ```
 */
export interface EmbedOptions extends TaskOptions {
  /**
   * Numbers of an embedding. Fewer than the model has (the default) keeps the first ones, normalised anew: for models that were trained so
   * that these say most, such as Qwen3-Embedding from 32 on.
   */
  dimensions?: number | undefined
  /** What the texts are asked for, which makes each `Instruct: {instruction}\nQuery:{text}`. For queries; documents are embedded as they are. */
  instruction?: string | undefined
}

/** The embeddings of texts, or the one of a single text. */
export async function embed(
  input: TextInputs,
  options: EmbedOptions,
  target: TaskTarget,
): Promise<Float32Array | Float32Array[]> {
  const taken = takeTaskOptions('embed', options, ['dimensions', 'instruction'])
  const { dimensions = target.hidden, instruction } = taken
  checkNumber('dimensions', dimensions, { min: 1, max: target.hidden, integer: true })
  if (instruction !== undefined && typeof instruction !== 'string')
    throw invalidOption('instruction', 'a text', instruction)
  if (instruction !== undefined) takeText('instruction', instruction)
  const isList = isArray(input)
  const take = (name: string, text: unknown) => takeTextInput(name, text, target.longestSequence)
  const texts = isList ? takeList('texts', input, take) : [take('text', input)]
  if (instruction !== undefined && texts.some((text) => typeof text !== 'string'))
    throw invalidOption('instruction', 'texts beside it: tokens stay as they are', instruction)

  const embedOne = async (text: TakenText, index: number, signal: AbortSignal) => {
    try {
      const prompt = await tokensOf(instructed(text, instruction), target)
      if (prompt.length === 0) {
        throw new QuernError(
          'invalid_input',
          'expected one token at least, got none: leave empty texts out',
          {
            value: text,
          },
        )
      }
      const { numbers } = await ask(target, { kind: 'embed', prompt, priority: taken.priority ?? 0 }, signal)
      return normalized(numbers.subarray(0, dimensions))
    } catch (error) {
      throw isList ? blame(`texts[${index}]`, error) : error
    }
  }
  const embeddings = await askInFlight(texts, embedOne, taken, target)
  return isList ? embeddings : (embeddings[0] as Float32Array)
}

function instructed(text: TakenText, instruction: string | undefined): TakenText {
  return instruction === undefined
    ? text
    : takeText('the text with its instruction', `Instruct: ${instruction}\nQuery:${text}`)
}

/** A copy of length 1. */
function normalized(numbers: Float32Array): Float32Array {
  let squares = 0
  for (const number of numbers) squares += number * number
  const length = Math.max(Math.sqrt(squares), 1e-12)
  return numbers.map((number) => number / length)
}
