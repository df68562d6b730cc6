import { QuernError } from '../errors.js'
import type { RequestTarget } from '../generation/ask.js'
import type { NativeTokenizer } from '../native/binding.js'
import type { Tokenizer } from '../tokenizer/tokenizer.js'

/** What a task needs of the model that it is for. */
export interface TaskTarget extends RequestTarget {
  /** Throws where the model has none. */
  readonly tokenizer: Tokenizer
  /** Of the same, what gives tokens their texts; undefined where there is none. */
  nativeTokenizer: NativeTokenizer | undefined
  /** The model's name, for messages. */
  source: string
  /** It has an output matrix. */
  generates: boolean
  /** Width of its states. */
  hidden: number
  /** Requests that may wait. */
  maxQueue: number
  /** Tokens that the model allows a request. */
  longestSequence: number
  /** Tokens that one request may have: a context may be larger than the memory for its keys and values. */
  capacity: number
}

/** Throws for an embedding model what it cannot do. */
export function expectGenerates({ generates, source }: Pick<TaskTarget, 'generates' | 'source'>): void {
  if (generates) return
  throw new QuernError(
    'embedding_only',
    `${source} is an embedding model: it has no output matrix, so it can embed() and nothing else; load a model that generates text`,
    { value: source },
  )
}
