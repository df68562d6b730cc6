import type { Steps } from '../files/steps.js'
import type { NativeTokenizerDefinition } from '../native/tokenizer-definition.js'
import { readAddedTokens } from './added-tokens.js'
import { AddedVocabulary } from './added-vocabulary.js'
import { BYTE_CHARACTERS } from './byte-alphabet.js'
import { readCharacterFallback } from './character-fallback.js'
import { readDecoder } from './decoder.js'
import { expectFlag, expectObject, type JsonObject, unsupported } from './expect.js'
import { compileMerges } from './merges.js'
import { readNormalizer } from './normalizer.js'
import { readPostProcessor } from './post-processor.js'
import { readBytePretokenizer, readCharacterPretokenizer } from './pretokenizer.js'
import { addConfiguredTokens, type TokenizerConfig } from './tokenizer-config.js'
import { compileVocabulary, readVocabulary } from './vocabulary.js'

/** Compiles a parsed tokenizer.json into what the native core runs, with the tokens that tokenizer_config.json adds. */
export function* compileTokenizer(
  tokenizerJson: unknown,
  config?: TokenizerConfig,
): Steps<NativeTokenizerDefinition> {
  const json = expectObject(tokenizerJson, 'tokenizer')
  const model = expectObject(json.model, 'model')
  refuseOtherModels(model)
  const decoder = readDecoder(json.decoder)
  const { isByteLevel } = decoder
  const pretokenizer = isByteLevel ? readBytePretokenizer(json.pre_tokenizer) : []
  const metaspace = isByteLevel ? undefined : readCharacterPretokenizer(json.pre_tokenizer)
  const normalizer = readNormalizer(json.normalizer)
  const { prefix, suffix } = readPostProcessor(json.post_processor)

  const { vocabulary, ids } = yield* readVocabulary(model.vocab)
  if (isByteLevel) refuseFallbacks(model, vocabulary)
  const characters = isByteLevel ? undefined : readCharacterFallback(model, vocabulary, decoder)
  const added = new AddedVocabulary(vocabulary, ids)
  yield* readAddedTokens(json.added_tokens, added)
  if (config !== undefined) yield* addConfiguredTokens(config, added)
  const addedTokens = added.tokens()
  const tokens = yield* compileVocabulary(vocabulary, addedTokens, decoder)
  return {
    ...tokens,
    merges: yield* compileMerges(model.merges, vocabulary, tokens.tokenKinds, characters?.unknown),
    addedTokens,
    normalizer,
    pretokenizer,
    metaspace,
    characters,
    ignoreMerges: expectFlag(model.ignore_merges, 'model.ignore_merges', false),
    decoder: decoder.rules,
    prefix: Int32Array.from(prefix),
    suffix: Int32Array.from(suffix),
  }
}

function refuseOtherModels(model: JsonObject): void {
  const type = model.type ?? 'BPE' // the oldest files leave it out
  if (type !== 'BPE') throw unsupported('model.type', String(type), type)
  for (const name of ['continuing_subword_prefix', 'end_of_word_suffix', 'dropout']) {
    const value = model[name]
    if (value !== undefined && value !== null && value !== '' && value !== 0)
      throw unsupported(`model.${name}`, String(value), value)
  }
}

/** What becomes of a character without a token only matters where a byte has none; without an unknown token, such bytes vanish. */
function refuseFallbacks(model: JsonObject, vocabulary: ReadonlyMap<string, number>): void {
  if (expectFlag(model.byte_fallback, 'model.byte_fallback', false))
    throw unsupported('model.byte_fallback', 'a fallback to bytes, where the decoder has ByteLevel,')
  if (model.unk_token === undefined || model.unk_token === null) return
  const byte = BYTE_CHARACTERS.findIndex((character) => !vocabulary.has(character))
  if (byte >= 0)
    throw unsupported(
      'model.unk_token',
      `an unknown token, which the byte ${byte} would become,`,
      model.unk_token,
    )
}
