import type { dtypes, pagePositions, quantizations, samplers } from './constants.js'
import type { NativeDeviceProbe } from './device-probe.js'
import type { NativeSampling } from './sampling.js'
import type { NativeTokenizerDefinition } from './tokenizer-definition.js'

/** What the native addon exports: the one place where its types are written down. A script compares this with the addon itself. */
export interface NativeBinding {
  readonly dtypes: typeof dtypes
  readonly quantizations: typeof quantizations
  readonly samplers: typeof samplers
  readonly pagePositions: typeof pagePositions
  Tokenizer: new (definition: NativeTokenizerDefinition) => NativeTokenizer
  /** `goesOn`: as in NativeTokenizer.decode. */
  TokenDecoder: new (
    tokenizer: NativeTokenizer,
    skipSpecialTokens: boolean,
    goesOn: boolean,
  ) => NativeTokenDecoder
  /** `plan` is the text that planText() makes. */
  loadModel(plan: string, options: NativeLoadOptions): NativeLoad
  /** Bytes that the weights of a plan take in the CPU's memory, with the `dtype` of NativeLoadOptions. */
  loadedBytes(plan: string, dtype: NativeLoadOptions['dtype']): number
  machine(): NativeMachine
  /** Opens a device library and asks it, but none of its devices. The first time may take seconds, and with a broken driver has no end; the process may exit meanwhile. */
  probeDevices(library: string): Promise<NativeDeviceProbe>
  /** Bytes. Opens the device: from then on this process may have some of its memory until it ends. As long as probeDevices(). */
  freeDeviceMemory(library: string, index: number): Promise<number>
  /** How the CPU multiplies with matrices of each dtype, with both precisions. `isa`: as in NativeLoadOptions. */
  products(isa: string): NativeProduct[]
  /** What a token would be drawn from; `tokens` is the prompt, of `promptTokens`, and what was generated. */
  samplingDistribution(
    logits: Float32Array,
    sampling: NativeSampling,
    tokens: Int32Array,
    promptTokens: number,
  ): Float32Array
  /** What `threads` threads (0: all that the process may use) reach together. Takes about a second. */
  measureMachine(isa: string, threads: number): Promise<NativeMachineLimits>
}

export type NativeDtype = (typeof dtypes)[number]

export interface NativeMachineLimits {
  readBytesPerSecond: number
  /** float32; one counts as two operations. */
  multiplyAddsPerSecond: number
  /** Of each of products(isa), with its own kind of numbers. */
  productMultiplyAddsPerSecond: Float64Array
}

export interface NativeProduct {
  dtype: NativeDtype | (typeof quantizations)[number]
  exact: boolean
  /** Of the layers' matrices, by GGUF's name. */
  format: string
  /** What its kernel is compiled for. */
  isa: string
  /** It rounds activations to 8 bits. */
  int8Activations: boolean
}

export interface NativeLoadOptions {
  /** What matrices are converted to while loading; `auto` leaves them as stored. */
  dtype: 'auto' | NativeDtype | (typeof quantizations)[number]
  /** float32 keys and values. */
  exact: boolean
  /** 0: as many as the process may use. */
  threads: number
  /** `auto`, or one of NativeMachine.isas. */
  isa: string
  /** The path of a device library; '': the CPU. */
  deviceLibrary: string
  /** Which of the library's devices. */
  deviceIndex: number
  /** Tokens; 0: the model's. */
  contextLength: number
  /** Tokens that are seen beside the window, the first of all. */
  sinks: number
  /** The last tokens that one sees, itself included; 0: all, and no sinks. With one, no context bounds a sequence. */
  window: number
  /** 0: what the device would give. */
  kvBytes: number
  /** The most tokens that one step computes. */
  stepRows: number
  /** Requests that may wait. */
  maxQueue: number
  /** Bytes of weights. */
  onProgress?: ((done: number, total: number) => void) | undefined
  /** Everything that has arrived since the last call; never more than one call is pending. */
  onRows: (...rows: NativeRows) => void
}

export interface NativeLoad {
  promise: Promise<NativeModel>
  /** The promise then rejects with the code `aborted`, unless loading is over. */
  abort(): void
}

export interface NativeMachine {
  /** Instruction sets that this machine can run, the best last. */
  isas: string[]
  processors: number
  /** Bytes. */
  availableMemory: number
}

export interface NativeModel {
  /** Queues a task and gives the number of its request. Throws with the code `overloaded` where too many wait. */
  submit(task: NativeTask): number
  /** Its last answer comes soon; until then rows may still come. */
  cancel(request: number): void
  /** The reader took that many tokens. One that is 256 behind pauses its request. */
  consumed(request: number, tokens: number): void
  stats(): NativeStats
  info(): NativeModelInfo
  /** Ends all requests; the memory is freed on another thread. */
  close(): NativeClosing
}

export interface NativeClosing {
  /** The last ones of all requests. */
  rows: NativeRows
  /** The memory is given back. */
  freed: Promise<void>
}

export type NativeTask = NativeGenerate | NativeScore | NativeEmbed | NativeLogits | NativePages

interface NativeTaskOf<Kind extends string> {
  kind: Kind
}

interface NativePromptTask<Kind extends string> extends NativeTaskOf<Kind> {
  prompt: Int32Array
  /** The higher goes first; 0 by default. */
  priority: number
}

export interface NativeGenerate extends NativePromptTask<'generate'> {
  maxTokens: number
  sampling: NativeSampling
  seed: number
  stopTokens: Int32Array
  /** The text ends before the first of these; none is empty. */
  stop: string[]
  /** Special tokens are part of the text. */
  keepSpecialTokens: boolean
  /** Without one, rows have no text. */
  tokenizer: NativeTokenizer | undefined
  /** Pages that came from this origin are used too. 0: those alone that the model computed. */
  origin: number
  /** Of how many of the likeliest tokens at each position of the prompt; -1: none wanted. */
  promptLogprobs: number
}

/** Log-probabilities of the tokens [first, end) of the prompt, each given all before it. */
export interface NativeScore extends NativePromptTask<'score'> {
  /** From 1 to the prompt's length, which is of none. */
  first: number
  /** Of so many of the likeliest tokens in each place. */
  top: number
  /** Tokens whose log-probabilities after the whole prompt are wanted too. */
  candidates: Int32Array
}

/** The last token's state after the final norm, not normalised. */
export type NativeEmbed = NativePromptTask<'embed'>

export interface NativeLogits extends NativePromptTask<'logits'> {
  positions: 'last' | 'all'
}

/**
 * Pages are copied out of the KV cache or into it, between two steps: those that the row after the last whole `pagePositions` of `tokens`
 * sees, in the order of their positions, and for the same positions in the order of the groups of layers.
 */
export interface NativePages extends NativeTaskOf<'pages'> {
  /** Of a whole conversation: the angles of some models depend on how long it is. */
  tokens: Int32Array
  /** How many of the tokens pages are copied for. */
  positions: number
  /** Out: pages of this origin too. In: what those that come are known by, not 0: nobody else uses them. */
  origin: number
  /** The first page to copy. */
  first: number
  /** Out: how many at most; 0 asks how many tokens can be gone on from, and how many pages these take. */
  count: number
  /** In: whole pages, those of the same positions together. They are taken as far as the pages before them are known and memory is free. */
  bytes: Uint8Array | undefined
}

/**
 * What arrived since the last call, as columns. Those answers of kind 'begin' come before the tokens of their request, all others after
 * them.
 */
export type NativeRows = [
  /**
   * Three columns of equal length, one after the other, that begin with an element for each token: its request, its id, and where its text
   * ends in UTF-16 units. The array is written again at the next call.
   */
  columns: Int32Array,
  /** Tokens. */
  count: number,
  /** Of all tokens, one after the other. */
  text: string,
  /** Undefined: no row has any. */
  logprobs: NativeLogprobs | undefined,
  answers: NativeAnswer[],
]

/** A row for each token. */
export interface NativeLogprobs {
  /** Of the tokens themselves; NaN where not wanted. */
  values: Float64Array
  /** Where each row's likeliest tokens end in the next two. */
  ends: Int32Array
  ids: Int32Array
  logprobs: Float64Array
}

export type NativeAnswer =
  | NativeBegin
  | NativeEnd
  | NativeCancelled
  | NativeFailed
  | NativeScores
  | NativeEmbedding
  | NativeLogitsRows
  | NativeKnownPages

interface NativeAnswerOf<Kind extends string> {
  request: number
  kind: Kind
}

export interface NativeBegin extends NativeAnswerOf<'begin'> {
  cachedTokens: number
  /** Rows for the prompt's tokens from the second on. */
  promptLogprobs?: NativeLogprobs
}

export interface NativeEnd extends NativeAnswerOf<'end'> {
  finish: 'stop' | 'length'
  /** Which of the task's stop strings ended it; -1: none. */
  stopString: number
  queuedSeconds: number
  prefillSeconds: number
  decodeSeconds: number
}

export type NativeCancelled = NativeAnswerOf<'cancelled'>

export interface NativeFailed extends NativeAnswerOf<'failed'> {
  code: string
  message: string
}

export interface NativeScores extends NativeAnswerOf<'scores'> {
  scores: NativeLogprobs
  candidates: Float64Array
}

export interface NativeEmbedding extends NativeAnswerOf<'embedding'> {
  numbers: Float32Array
}

export interface NativeLogitsRows extends NativeAnswerOf<'logits'> {
  /** [positions, vocab] */
  numbers: Float32Array
}

export interface NativeKnownPages extends NativeAnswerOf<'pages'> {
  /** How many times `pagePositions` of the tokens can be gone on from. */
  known: number
  /** How many pages of the KV cache this takes. */
  pages: number
  /** Those that were asked for, as far as they are known. */
  bytes: Uint8Array
}

export interface NativeStats {
  active: number
  queued: number
  pages: number
  pagesInUse: number
  pagesCached: number
  kvBytes: number
  weightBytes: number
  workspaceBytes: number
}

export interface NativeModelInfo {
  /** `cpu`, or what a device library calls itself. */
  device: string
  isa: string
  /** Of the product; '': it has none. */
  deviceName: string
  threads: number
  contextLength: number
  /** Tokens that a sequence may have. */
  longestSequence: number
  /** Those of them that the KV cache holds. */
  capacity: number
  kvDtype: NativeDtype
  /** Of one page: keys and values of the layers of one group. */
  pageBytes: number
  /** How many groups of layers there are, whose pages are kept for equally long. */
  kvGroups: number
  /** What decoding one token reads of the weights. */
  bytesPerToken: number
}

export interface NativeTokenizer {
  /** Lone surrogates become U+FFFD. */
  encode(text: string, addSpecialTokens: boolean): Int32Array
  /** The same on a helper thread, for long texts. */
  encodeAsync(text: string, addSpecialTokens: boolean): Promise<Int32Array>
  /** Ids without a token contribute nothing. `goesOn`: the ids follow others, and their text keeps what the beginning of a text loses. */
  decode(ids: Int32Array, skipSpecialTokens: boolean, goesOn: boolean): string
  /** Empty: no such token. */
  tokenBytes(id: number): Uint8Array
  /** The token that merging makes of exactly this text, or -1. */
  idOf(text: string): number
  isSpecial(id: number): boolean
  /** Frees what it remembers of words, a megabyte; the next text begins to fill that anew. */
  forget(): void
  /** One more than the largest id. A method, for the addon checks the class of `this` for methods alone. */
  size(): number
}

export interface NativeTokenDecoder {
  /** The text that this token releases: never half a character. */
  push(id: number): string
  /** What still waits, as U+FFFD. */
  end(): string
}
