import type { Steps } from '../files/steps.js'
import type { NativeTokenizerDefinition } from '../native/binding.js'
import { readAddedTokens } from './added-tokens.js'
import { AddedVocabulary } from './added-vocabulary.js'
import { BYTE_CHARACTERS } from './byte-alphabet.js'
import { expectFlag, expectObject, type JsonObject, pipelineSteps, unsupported } from './expect.js'
import { readPostProcessor } from './post-processor.js'
import { readPretokenizer } from './pretokenizer.js'
import { addConfiguredTokens, type TokenizerConfig } from './tokenizer-config.js'
import { compileMerges, compileVocabulary, readVocabulary } from './vocabulary.js'

/** Compiles a parsed tokenizer.json into what the native core runs, with the tokens that tokenizer_config.json adds. */
export function* compileTokenizer(
  tokenizerJson: unknown,
  config?: TokenizerConfig,
): Steps<NativeTokenizerDefinition> {
  const json = expectObject(tokenizerJson, 'tokenizer')
  const model = expectObject(json.model, 'model')
  refuseOtherModels(model)
  const pretokenizer = readPretokenizer(json.pre_tokenizer)
  const nfc = readNormalizer(json.normalizer)
  requireByteLevelDecoder(json.decoder)
  const { prefix, suffix } = readPostProcessor(json.post_processor)

  const { vocabulary, ids } = yield* readVocabulary(model.vocab)
  refuseUnknownToken(model, vocabulary)
  const added = new AddedVocabulary(vocabulary, ids)
  yield* readAddedTokens(json.added_tokens, added)
  if (config !== undefined) yield* addConfiguredTokens(config, added)
  const addedTokens = added.tokens()
  const tokens = yield* compileVocabulary(vocabulary, addedTokens)
  return {
    ...tokens,
    merges: yield* compileMerges(model.merges, vocabulary, tokens.tokenKinds),
    addedTokens,
    pretokenizer,
    nfc,
    ignoreMerges: expectFlag(model.ignore_merges, 'model.ignore_merges', false),
    prefix: Int32Array.from(prefix),
    suffix: Int32Array.from(suffix),
  }
}

function refuseOtherModels(model: JsonObject): void {
  const type = model.type ?? 'BPE' // the oldest files leave it out
  if (type !== 'BPE') throw unsupported('model.type', String(type), type)
  if (expectFlag(model.byte_fallback, 'model.byte_fallback', false))
    throw unsupported(
      'model.byte_fallback',
      'BPE over characters with bytes as a fallback (SentencePiece: Llama 2, Mistral, Phi-3)',
    )
  for (const name of ['continuing_subword_prefix', 'end_of_word_suffix', 'dropout']) {
    const value = model[name]
    if (value !== undefined && value !== null && value !== '' && value !== 0)
      throw unsupported(`model.${name}`, String(value), value)
  }
}

/** An unknown token only matters where a byte has no token; without one, such bytes vanish. */
function refuseUnknownToken(model: JsonObject, vocabulary: ReadonlyMap<string, number>): void {
  if (model.unk_token === undefined || model.unk_token === null) return
  const byte = BYTE_CHARACTERS.findIndex((character) => !vocabulary.has(character))
  if (byte >= 0)
    throw unsupported(
      'model.unk_token',
      `an unknown token, which the byte ${byte} would become,`,
      model.unk_token,
    )
}

function readNormalizer(value: unknown): boolean {
  let nfc = false
  for (const { type, where } of pipelineSteps(value, 'normalizer', 'normalizers')) {
    if (type !== 'NFC') throw unsupported(where, `the normalizer ${type}`, type)
    nfc = true
  }
  return nfc
}

function requireByteLevelDecoder(value: unknown): void {
  const types = [...pipelineSteps(value, 'decoder', 'decoders')].map(({ type }) => type)
  if (types.length !== 1 || types[0] !== 'ByteLevel')
    throw unsupported('decoder', types.length === 0 ? 'no decoder' : `the decoder ${types.join(', ')}`, types)
}
