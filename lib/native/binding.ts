/** What the native addon exports: the one place where its types are written down. A script compares this with the addon itself. */
export interface NativeBinding {
  Tokenizer: new (definition: NativeTokenizerDefinition) => NativeTokenizer
  TokenDecoder: new (tokenizer: NativeTokenizer, skipSpecialTokens: boolean) => NativeTokenDecoder
}

/** A tokenizer as data. Ids are indices into the token arrays; their length is the vocabulary's. */
export interface NativeTokenizerDefinition {
  /** The bytes of all tokens, one after the other in the order of their ids. */
  tokenBytes: Uint8Array
  /** Where each token's bytes begin, and the end of the last. */
  tokenOffsets: Uint32Array
  /** For each id 0: no token, 1: made by merging bytes, 2: an added token, or one that no merge reaches. */
  tokenKinds: Uint8Array
  /** Triples (left, right, result), by rank. */
  merges: Int32Array
  addedTokens: NativeAddedToken[]
  /** Each step cuts the pieces of the one before it. */
  pretokenizer: NativePretokenizerStep[]
  nfc: boolean
  /** A word that is a token is that token, whatever the merges say. */
  ignoreMerges: boolean
  /** The special tokens put before a text, and after it. */
  prefix: Int32Array
  suffix: Int32Array
}

export interface NativeAddedToken {
  id: number
  content: string
  special: boolean
  lstrip: boolean
  rstrip: boolean
  singleWord: boolean
  normalized: boolean
}

/** A known split pattern: `gpt2` and `cl100k` name the tokenizer that made it known, `maxDigits` counts the numbers in one piece. */
export interface NativePretokenizerStep {
  kind: 'gpt2' | 'cl100k' | 'digits'
  maxDigits: number
}

export interface NativeTokenizer {
  /** Lone surrogates become U+FFFD. */
  encode(text: string, addSpecialTokens: boolean): Int32Array
  /** The same on a helper thread, for long texts. */
  encodeAsync(text: string, addSpecialTokens: boolean): Promise<Int32Array>
  /** Ids without a token contribute nothing. */
  decode(ids: Int32Array, skipSpecialTokens: boolean): string
  /** Empty: no such token. */
  tokenBytes(id: number): Uint8Array
  /** The token that merging makes of exactly this text, or -1. */
  idOf(text: string): number
  isSpecial(id: number): boolean
  /** One more than the largest id. */
  readonly size: number
}

export interface NativeTokenDecoder {
  /** The text that this token releases: never half a character. */
  push(id: number): string
  /** What still waits, as U+FFFD. */
  end(): string
}
