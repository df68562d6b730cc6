import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { QuernError } from '../../lib/errors.js'
import { atOnce } from '../../lib/files/steps.js'
import { native } from '../../lib/native/load-binding.js'
import { Tokenizer } from '../../lib/tokenizer/tokenizer.js'
import { compileTokenizer } from '../../lib/tokenizer/tokenizer-definition.js'

const compile = (json: unknown) => atOnce(compileTokenizer(json))

type Json = Record<string, unknown>

const GPT2 = "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+"
const byteLevel = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true }

/** A tokenizer of a handful of tokens, with some members replaced. */
function small(replace: Json = {}, model: Json = {}): Json {
  return {
    added_tokens: [{ id: 7, content: '<end>', special: true }],
    normalizer: null,
    pre_tokenizer: byteLevel,
    post_processor: null,
    decoder: byteLevel,
    ...replace,
    model: {
      type: 'BPE',
      vocab: { a: 0, b: 1, c: 2, ab: 3, abc: 4, Ġ: 5, Ġa: 6 },
      merges: ['a b', ['ab', 'c']],
      ...model,
    },
  }
}

const split = (pattern: unknown, more: Json = {}) => ({
  type: 'Split',
  pattern,
  behavior: 'Isolated',
  invert: false,
  ...more,
})
const sequence = (...pretokenizers: unknown[]) => ({ type: 'Sequence', pretokenizers })
const special = (id: string) => ({ SpecialToken: { id, type_id: 0 } })
const template = (...single: unknown[]) => ({
  type: 'TemplateProcessing',
  single,
  special_tokens: { '<end>': { id: '<end>', ids: [7], tokens: ['<end>'] } },
})
const text = { Sequence: { id: 'A', type_id: 0 } }

describe('a definition', () => {
  test('encodes by its merges, in either spelling', () => {
    const tokenizer = Tokenizer.fromJSON(small())
    expect([...tokenizer.encode('abcab a<end>b')]).toEqual([4, 3, 5, 0, 7, 1])
    expect(tokenizer.vocabSize).toBe(8)
    expect(tokenizer.decode([4, 9, 8, 7, 6])).toBe('abc<end> a')
  })

  test('takes whole words before merges where the file says so', () => {
    expect([...Tokenizer.fromJSON(small({}, { ignore_merges: true })).encode(' a')]).toEqual([6])
  })

  test('puts special tokens around a text', () => {
    const tokenizer = Tokenizer.fromJSON(
      small({ post_processor: template(special('<end>'), text, special('<end>')) }),
    )
    expect([...tokenizer.encode('a')]).toEqual([7, 0, 7])
    expect([...tokenizer.encode('a', { addSpecialTokens: false })]).toEqual([0])
  })

  test('takes tokens from tokenizer_config.json that tokenizer.json lacks', () => {
    const config = {
      added_tokens_decoder: { 8: { content: '<more>' }, 7: { content: '<end>' } },
      eos_token: { content: '<end>' },
    }
    const tokenizer = Tokenizer.fromJSON(small(), config)
    expect([...tokenizer.encode('a<more>')]).toEqual([0, 8])
    expect(tokenizer.specialTokens).toEqual({ eos_token: '<end>' })
  })

  test('may be text', () => {
    expect([...Tokenizer.fromJSON(JSON.stringify(small()), '{}').encode('abc')]).toEqual([4])
  })

  test('knows the GPT-2 expression in both places', () => {
    const inSplit = small({
      pre_tokenizer: sequence(split({ Regex: GPT2 }), { ...byteLevel, use_regex: false }),
    })
    expect(compile(inSplit).pretokenizer).toEqual(compile(small()).pretokenizer)
  })
})

describe('what quern does not do is refused by name', () => {
  test.each<[string, Json, RegExp]>([
    ['another model', small({}, { type: 'Unigram' }), /model\.type: Unigram/],
    ['SentencePiece', small({}, { byte_fallback: true }), /byte_fallback.*SentencePiece/],
    ['word endings', small({}, { end_of_word_suffix: '</w>' }), /end_of_word_suffix/],
    ['dropout', small({}, { dropout: 0.1 }), /dropout/],
    ['an unknown token', small({}, { unk_token: 'a' }), /unk_token/],
    ['a normalizer', small({ normalizer: { type: 'Lowercase' } }), /normalizer: the normalizer Lowercase/],
    [
      'a nested normalizer',
      small({ normalizer: { type: 'Sequence', normalizers: [{ type: 'NFC' }, { type: 'NFKC' }] } }),
      /normalizers\[1\].*NFKC/,
    ],
    ['no pre-tokenizer', small({ pre_tokenizer: null }), /pre_tokenizer/],
    ['a pre-tokenizer', small({ pre_tokenizer: { type: 'Whitespace' } }), /Whitespace/],
    [
      'an expression',
      small({ pre_tokenizer: sequence(split({ Regex: '\\w+' }), byteLevel) }),
      /pretokenizers\[0\]\.pattern: the expression \\w\+/,
    ],
    [
      'a fixed string',
      small({ pre_tokenizer: sequence(split({ String: ' ' }), byteLevel) }),
      /pattern: a fixed string/,
    ],
    [
      'a behaviour',
      small({ pre_tokenizer: sequence(split({ Regex: GPT2 }, { behavior: 'Removed' }), byteLevel) }),
      /behavior: Removed/,
    ],
    [
      'inversion',
      small({ pre_tokenizer: sequence(split({ Regex: GPT2 }, { invert: true }), byteLevel) }),
      /invert/,
    ],
    [
      'a prefix space',
      small({ pre_tokenizer: { ...byteLevel, add_prefix_space: true } }),
      /add_prefix_space/,
    ],
    ['steps after ByteLevel', small({ pre_tokenizer: sequence(byteLevel, byteLevel) }), /after ByteLevel/],
    ['a decoder', small({ decoder: { type: 'WordPiece' } }), /decoder WordPiece/],
    ['no decoder', small({ decoder: null }), /no decoder/],
    ['a post-processor', small({ post_processor: { type: 'BertProcessing' } }), /BertProcessing/],
    ['two texts', small({ post_processor: template(text, text) }), /2 texts/],
    ['very long added tokens', small({ added_tokens: [{ id: 9, content: 'x'.repeat(2000) }] }), /1024 bytes/],
  ])('%s', (_, json, message) => {
    expect(() => Tokenizer.fromJSON(json)).toThrow(
      expect.objectContaining({ code: 'unsupported_tokenizer', message: expect.stringMatching(message) }),
    )
  })
})

describe('what breaks the format is refused with its place', () => {
  test.each<[string, unknown, RegExp]>([
    ['no object', [], /tokenizer: expected an object, got an array/],
    ['no model', {}, /model: expected an object, got nothing/],
    ['no vocabulary', small({}, { vocab: [] }), /model\.vocab/],
    ['an empty vocabulary', small({}, { vocab: {} }), /model\.vocab/],
    ['a fractional id', small({}, { vocab: { a: 0.5 } }), /model\.vocab\["a"\].*0\.5/],
    ['an id twice', small({}, { vocab: { a: 0, b: 0 } }), /model\.vocab\["b"\]/],
    ['a huge id', small({}, { vocab: { a: 2 ** 31 } }), /model\.vocab\["a"\]/],
    ['no merges', small({}, { merges: 5 }), /model\.merges/],
    ['a merge of three', small({}, { merges: ['a b c'] }), /model\.merges\[0\]/],
    ['a merge of one', small({}, { merges: [['a']] }), /model\.merges\[0\]/],
    ['a merge of numbers', small({}, { merges: [[1, 2]] }), /model\.merges\[0\]/],
    ['a merge outside the vocabulary', small({}, { merges: ['a b', 'b c'] }), /model\.merges\[1\].*"bc"/],
    ['an added token without id', small({ added_tokens: [{ content: 'x' }] }), /added_tokens\[0\]\.id/],
    [
      'a flag that is none',
      small({ added_tokens: [{ id: 9, content: 'x', lstrip: 1 }] }),
      /added_tokens\[0\]\.lstrip/,
    ],
    [
      'a template with an unknown token',
      small({ post_processor: template(special('<?>'), text) }),
      /special_tokens\["<\?>"\]/,
    ],
    [
      'a template with an unknown id',
      small({
        post_processor: { ...template(special('<end>'), text), special_tokens: { '<end>': { ids: [8] } } },
      }),
      /adds 8/,
    ],
    ['sequences without end', small({ normalizer: nested(20) }), /nested/],
  ])('%s', (_, json, message) => {
    expect(() => Tokenizer.fromJSON(json as object)).toThrow(
      expect.objectContaining({ code: 'invalid_tokenizer', message: expect.stringMatching(message) }),
    )
  })

  test('whatever is changed in a real file', () => {
    const tinyJson = readFileSync(
      fileURLToPath(new URL('../../models/tiny/tokenizer.json', import.meta.url)),
      'utf8',
    )
    const json = JSON.parse(tinyJson) as Json
    const head = JSON.stringify({
      ...json,
      model: { ...(json.model as Json), vocab: { a: 0, b: 1, ab: 2 }, merges: ['a b'] },
    })
    fc.assert(
      fc.property(
        fc.nat(head.length - 1),
        fc.nat(12),
        fc.string({ maxLength: 6 }),
        (at, removed, inserted) => {
          try {
            Tokenizer.fromJSON(head.slice(0, at) + inserted + head.slice(at + removed)).encode(
              'ab <|im_end|>',
            )
          } catch (error) {
            expect(error).toBeInstanceOf(QuernError)
            expect((error as QuernError).code).toMatch(/^(invalid|unsupported)_tokenizer$/)
          }
        },
      ),
      { numRuns: 2000 },
    )
  })
})

describe('the native core checks a definition again', () => {
  const good = compile(small())
  const flags = { special: false, lstrip: false, rstrip: false, singleWord: false, normalized: false }
  const added = { id: 9, content: 'x', ...flags }
  test.each<[string, object]>([
    ['no tokens', { ...good, tokenKinds: new Uint8Array(), tokenOffsets: new Uint32Array(1) }],
    ['offsets past the bytes', { ...good, tokenOffsets: good.tokenOffsets.map((offset) => offset * 2) }],
    ['descending offsets', { ...good, tokenOffsets: good.tokenOffsets.toReversed() }],
    ['an unknown kind', { ...good, tokenKinds: good.tokenKinds.map(() => 9) }],
    ['merges that are no triples', { ...good, merges: Int32Array.of(0, 1) }],
    ['merges outside the vocabulary', { ...good, merges: Int32Array.of(0, 1, 2 ** 30) }],
    ['merges of negative ids', { ...good, merges: Int32Array.of(0, -1, 3) }],
    ['merges that lie', { ...good, merges: Int32Array.of(0, 1, 4) }],
    ['an added token outside the vocabulary', { ...good, addedTokens: [{ ...added, id: 100 }] }],
    ['an empty added token', { ...good, addedTokens: [{ ...added, content: '' }] }],
    ['no digits at all', { ...good, pretokenizer: [{ kind: 'digits', maxDigits: 0 }] }],
    ['a prefix outside the vocabulary', { ...good, prefix: Int32Array.of(77) }],
  ])('%s', (_, definition) => {
    const { Tokenizer: NativeTokenizer } = native()
    expect(() => new NativeTokenizer(definition as typeof good)).toThrow(
      expect.objectContaining({ code: 'invalid_tokenizer' }),
    )
  })

  test('other objects are not taken for tokenizers', () => {
    const { Tokenizer: NativeTokenizer, TokenDecoder } = native()
    const tokenizer = new NativeTokenizer(good)
    const decoder = new TokenDecoder(tokenizer, false, false)
    for (const value of [
      {},
      null,
      decoder,
      Object.create(tokenizer),
      Object.create(NativeTokenizer.prototype),
    ])
      expect(() => new TokenDecoder(value as typeof tokenizer, false, false)).toThrow()
    expect(() => tokenizer.encode.call(decoder as unknown as typeof tokenizer, 'a', true)).toThrow()
    expect(() => tokenizer.encode.call(Object.create(NativeTokenizer.prototype), 'a', true)).toThrow()
  })
})

function nested(depth: number): Json {
  return depth === 0 ? { type: 'NFC' } : { type: 'Sequence', normalizers: [nested(depth - 1)] }
}
