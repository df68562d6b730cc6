import { QuernError } from '../errors.js'
import { ask } from '../generation/ask.js'
import { checkNumber, invalidOption } from '../input/check-option.js'
import { takeText } from '../input/take-text.js'
import { encodeText } from '../tokenizer/encode-text.js'
import { blame } from './blame.js'
import { askInFlight } from './in-flight.js'
import { joinTokens, takeList } from './take-texts.js'
import { type TaskOptions, takeTaskOptions } from './task-options.js'
import { expectGenerates, type TaskTarget } from './task-target.js'

/**
 * Options of {@link Model.rank}.
 *
 * @example
 * ```ts
 * const options: RankOptions = { instruction: 'Given a question, find the paragraph of the manual that answers it', topN: 3 }
 * ```
 */
export interface RankOptions extends TaskOptions {
  /** What makes a document a good one. Default: 'Given a web search query, retrieve relevant passages that answer the query'. */
  instruction?: string | undefined
  /** How many of the best documents to give. Default: all. */
  topN?: number | undefined
}

/**
 * A document and how well it answers the query.
 *
 * @example
 * ```ts
 * const [best]: RankedDocument[] = await model.rank('Why is the sky blue?', ['Rayleigh scattering …', 'A recipe …'])
 * console.log(best?.document, best?.score)
 * ```
 */
export interface RankedDocument {
  /** Its place among the documents that were given. */
  index: number
  /** The probability of "yes", from 0 to 1. */
  score: number
  document: string
  /** Tokens that were read to judge it: the instruction, the query and the document. */
  tokens: number
}

const defaultInstruction = 'Given a web search query, retrieve relevant passages that answer the query'
const system =
  'Judge whether the Document meets the requirements based on the Query and the Instruct provided. ' +
  'Note that the answer can only be "yes" or "no".'
const before = `<|im_start|>system\n${system}<|im_end|>\n<|im_start|>user\n`
const after = '<|im_end|>\n<|im_start|>assistant\n<think>\n\n</think>\n\n'

/** The documents, the best first; equally good ones in the order in which they were given. */
export async function rank(
  query: string,
  documents: readonly string[],
  options: RankOptions,
  target: TaskTarget,
): Promise<RankedDocument[]> {
  expectGenerates(target)
  const taken = takeTaskOptions('rank', options, ['instruction', 'topN'])
  const { instruction = defaultInstruction, topN, priority = 0 } = taken
  if (typeof instruction !== 'string') throw invalidOption('instruction', 'a text', instruction)
  checkNumber('topN', topN, { min: 1, max: 2 ** 31 - 1, integer: true })
  const asked = `<Instruct>: ${takeText('instruction', instruction)}\n<Query>: ${takeText('query', query)}\n<Document>: `
  const texts = takeList('documents', documents, takeText)
  const candidates = Int32Array.of(answerToken('no', target), answerToken('yes', target))
  const { tokenizer } = target
  const [head, tail] = [before, after].map((text) => tokenizer.encode(text, { addSpecialTokens: false }))

  const judge = async (document: string, index: number, signal: AbortSignal) => {
    try {
      // The three parts are encoded by themselves, as the model's makers do it.
      const body = await encodeText(tokenizer, takeText('query and document', asked + document), true)
      const prompt = joinTokens(head as Int32Array, body, tail as Int32Array)
      const first = prompt.length // no token of the prompt is asked for
      const task = { kind: 'score' as const, prompt, priority, first, top: 0, candidates }
      const [no, yes] = (await ask(target, task, signal)).candidates as unknown as [number, number]
      return { index, score: 1 / (1 + Math.exp(no - yes)), document, tokens: first }
    } catch (error) {
      throw blame(`documents[${index}]`, error)
    }
  }
  const ranked = await askInFlight(texts, judge, taken, target)
  return ranked.sort((a, b) => b.score - a.score).slice(0, topN)
}

function answerToken(answer: string, { tokenizer, source }: TaskTarget): number {
  const id = tokenizer.idOf(answer)
  if (id !== undefined) return id
  throw new QuernError(
    'unsupported_model',
    `rank: ${source} has no token ${JSON.stringify(answer)}, by which a reranker answers; load one such as Qwen/Qwen3-Reranker-0.6B`,
    { value: answer },
  )
}
