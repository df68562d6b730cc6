// tokenizer.json as SentencePiece's models have it, small: `<unk>`, `<s>`, `</s>`, 256 bytes, a mark for spaces, the letters, pairs with the mark.
type Json = Record<string, unknown>

const letters = [...'abcdefghijklmnopqrstuvwxyzé']
const special = { special: true, normalized: false }
const byteTokens = Array.from(
  { length: 256 },
  (_, byte) => `<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`,
)

export const mark = '▁'
export const replace = (pattern: unknown, content: unknown) => ({ type: 'Replace', pattern, content })
export const toMarks = replace({ String: ' ' }, mark)
export const toSpaces = replace({ String: mark }, ' ')
export const bytesAndFuse = [{ type: 'ByteFallback' }, { type: 'Fuse' }]
export const strip = { type: 'Strip', content: ' ', start: 1, stop: 0 }
export const decoders = (...steps: unknown[]) => ({ type: 'Sequence', decoders: steps })

/** The ids of a piece of text as the vocabulary spells it. */
export const vocabulary: Record<string, number> = Object.fromEntries(
  [
    '<unk>',
    '<s>',
    '</s>',
    ...byteTokens,
    mark,
    ...letters,
    'ab',
    `${mark}${mark}`,
    ...letters.map((letter) => mark + letter),
  ].map((text, id) => [text, id]),
)

export function sentencePieceJson(replaced: Json = {}, model: Json = {}): Json {
  return {
    added_tokens: ['<unk>', '<s>', '</s>'].map((content) => ({
      id: vocabulary[content],
      content,
      ...special,
    })),
    normalizer: { type: 'Sequence', normalizers: [{ type: 'Prepend', prepend: mark }, toMarks] },
    pre_tokenizer: null,
    post_processor: {
      type: 'TemplateProcessing',
      single: [{ SpecialToken: { id: '<s>', type_id: 0 } }, { Sequence: { id: 'A', type_id: 0 } }],
      special_tokens: { '<s>': { id: '<s>', ids: [1], tokens: ['<s>'] } },
    },
    decoder: decoders(toSpaces, ...bytesAndFuse, strip),
    ...replaced,
    model: {
      type: 'BPE',
      unk_token: '<unk>',
      fuse_unk: true,
      byte_fallback: true,
      vocab: vocabulary,
      merges: ['a b', `${mark} ${mark}`, ...letters.map((letter) => [mark, letter])],
      ...model,
    },
  }
}
