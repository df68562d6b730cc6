import type { ChatMessage } from '../chat/messages.js'
import type { RequestTarget } from '../generation/ask.js'
import type { Generation } from '../generation/generation.js'
import type { GenerateOptions } from '../generation/options.js'
import type { RunEnd } from '../generation/run.js'

/** What makes a model this one, and what its numbers depend on besides. */
export interface ModelIdentity {
  fingerprint: string
  /** For people. */
  source: string
  /** Keys and values of equal models are equal bit for bit where this is equal too. */
  arithmetic: string
  pageBytes: number
  /** How many pages there are for the same positions, at most. */
  kvGroups: number
  /** Tokens. */
  longestSequence: number
  vocab: number
}

/** Where pages of the KV cache are. */
export interface PageSource extends RequestTarget {
  /** Whose pages are used besides those that the model computed: a number of the file that they came from; 0: nobody's. */
  origin: number
}

/** What a session needs of its model. */
export interface SessionModel {
  /** The options are a copy of the caller's. */
  reply(messages: readonly ChatMessage[], options: GenerateOptions, onEnd: RunEnd): Generation
  /** A reply that rejects. */
  refused(reason: unknown): Generation
  /** The tokens of a conversation as it stands. */
  encode(messages: readonly ChatMessage[], options: GenerateOptions): Promise<Int32Array>
  identity(): Promise<ModelIdentity>
  pages: PageSource
  onWarning: (message: string) => void
}
