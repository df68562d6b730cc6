/** What the native addon exports: the one place where its types are written down. A script compares this with the addon itself. */
export interface NativeBinding {
  Tokenizer: NativeTokenizerConstructor
}

/** Filled in by lib/tokenizer/tokenizer-definition.ts. */
export interface NativeTokenizerConstructor {
  new (definition: object): NativeTokenizer
}

export interface NativeTokenizer {
  encode(text: string, addSpecialTokens: boolean): Int32Array
  decode(ids: Int32Array, skipSpecialTokens: boolean): string
}
