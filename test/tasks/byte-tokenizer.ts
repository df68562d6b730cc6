import { BYTE_CHARACTERS } from '../../lib/tokenizer/byte-alphabet.js'

/** A tokenizer.json that knows bytes and `<|endoftext|>`, which it puts after a text, as Qwen3-Embedding's does, or not. */
export function byteTokenizer(appends: boolean): object {
  const end = { id: 256, content: '<|endoftext|>' }
  const template = {
    type: 'TemplateProcessing',
    single: [{ Sequence: { id: 'A', type_id: 0 } }, { SpecialToken: { id: end.content, type_id: 0 } }],
    pair: [],
    special_tokens: { [end.content]: { id: end.content, ids: [end.id], tokens: [end.content] } },
  }
  const byteLevel = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: false, use_regex: false }
  return {
    version: '1.0',
    added_tokens: [
      { ...end, special: true, single_word: false, lstrip: false, rstrip: false, normalized: false },
    ],
    normalizer: null,
    pre_tokenizer: { ...byteLevel, use_regex: true },
    post_processor: appends ? { type: 'Sequence', processors: [byteLevel, template] } : byteLevel,
    decoder: byteLevel,
    model: {
      type: 'BPE',
      vocab: Object.fromEntries([...BYTE_CHARACTERS].map((character, id) => [character, id])),
      merges: [],
    },
  }
}
