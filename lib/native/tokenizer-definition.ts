/** A tokenizer as data. Ids are indices into the token arrays; their length is the vocabulary's. */
export interface NativeTokenizerDefinition {
  /** The bytes of all tokens, one after the other in the order of their ids; with `characters` their texts as the file spells them. */
  tokenBytes: Uint8Array
  /** Where each token's bytes begin, and the end of the last. */
  tokenOffsets: Uint32Array
  /** For each id 0: no token, 1: made by merging, 2: an added token, or one that no merge reaches, 3: a byte, spelled `<0x0A>`. */
  tokenKinds: Uint8Array
  /** Triples (left, right, result), by rank. */
  merges: Int32Array
  addedTokens: NativeAddedToken[]
  normalizer: NativeNormalizerStep[]
  /** Each step cuts the pieces of the one before it. */
  pretokenizer: NativePretokenizerStep[]
  /** The pre-tokenizer, where it is this one. */
  metaspace: NativeMetaspace | undefined
  /** BPE over characters; undefined: over bytes. */
  characters: NativeCharacterFallback | undefined
  /** A word that is a token is that token, whatever the merges say. */
  ignoreMerges: boolean
  decoder: NativeDecoderRules
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

/** NFC, a text put before one that is not empty, or a fixed string replaced. */
export interface NativeNormalizerStep {
  kind: 'nfc' | 'prepend' | 'replace'
  /** Of 'replace'. */
  pattern: string
  /** Of 'prepend' and 'replace'. */
  content: string
}

/** A known split pattern: `gpt2` and `cl100k` name the tokenizer that made it known, `maxDigits` counts the numbers in one piece. */
export interface NativePretokenizerStep {
  kind: 'gpt2' | 'cl100k' | 'digits'
  maxDigits: number
}

/** Spaces become a mark, a character. */
export interface NativeMetaspace {
  mark: string
  /** Before which pieces between added tokens one is put that do not begin with it. */
  prepend: 'always' | 'first' | 'never'
  /** Into words, each of which begins with a mark. */
  split: boolean
}

/** What becomes of a character without a token. */
export interface NativeCharacterFallback {
  /** The token of each byte, -1 where there is none; or empty. */
  byteIds: Int32Array
  /** The token of what has none, -1: it vanishes. */
  unknown: number
  /** Several unknown characters in a row are one token. */
  fusesUnknown: boolean
}

export interface NativeDecoderRules {
  /** In each token that is no single byte, one after the other. */
  replacements: NativeReplacement[]
  /** A text loses as many of this ASCII character as it begins with, at most `stripCount`. */
  stripped: string
  stripCount: number
  /** A text's first token loses all of these; empty: none. */
  firstLoses: string
}

export interface NativeReplacement {
  pattern: string
  content: string
}
