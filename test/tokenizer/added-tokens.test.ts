// Added tokens whose ids do not fit, and special tokens that only tokenizer_config.json names. All expected ids are those of Hugging Face's
// libraries for the same files: tokenizers 0.23.3 for tokenizer.json alone, transformers 5.24 (PreTrainedTokenizerFast) with a config.
import { mkdir, writeFile } from 'node:fs/promises'
import { describe, expect, it } from 'vitest'
import { Tokenizer } from '../../lib/tokenizer/tokenizer.js'
import { temporaryFolder } from '../model/temporary.js'

type Json = Record<string, unknown>

const byteLevel = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: false }
const letters = Object.fromEntries([...'abcdefghĠ<>xyz'].map((letter, id) => [letter, id]))
const withWord = { ...letters, ab: 14 }
const token = (content: string, more: Json = {}) => ({
  content,
  single_word: false,
  lstrip: false,
  rstrip: false,
  normalized: false,
  special: true,
  ...more,
})
const at = (id: number, content: string, more: Json = {}) => ({ id, ...token(content, more) })

function jsonOf(added: Json[], vocab: Json = letters): Json {
  return {
    added_tokens: added,
    normalizer: null,
    pre_tokenizer: byteLevel,
    post_processor: null,
    decoder: byteLevel,
    model: { type: 'BPE', vocab, merges: [] },
  }
}

function tokenizerOf(added: Json[], config?: Json, vocab?: Json): Tokenizer {
  return Tokenizer.fromJSON(jsonOf(added, vocab), config)
}

interface Expected {
  ids: number[]
  /** Without special tokens. */
  plain: string
}

function check(tokenizer: Tokenizer, text: string, { ids, plain }: Expected) {
  expect([...tokenizer.encode(text)]).toEqual(ids)
  expect(tokenizer.decode(ids)).toBe(text)
  expect(tokenizer.decode(ids, { skipSpecialTokens: true })).toBe(plain)
}

describe('special_tokens_map.json', () => {
  const temporary = temporaryFolder()
  const map = { eos_token: token('<x>'), additional_special_tokens: ['<y>'] }

  async function fromFolder(name: string, config: Json | undefined): Promise<Tokenizer> {
    const folder = temporary.join(name)
    await mkdir(folder)
    const files = {
      'tokenizer.json': jsonOf([]),
      'special_tokens_map.json': map,
      'tokenizer_config.json': config,
    }
    for (const [file, content] of Object.entries(files))
      if (content !== undefined) await writeFile(`${folder}/${file}`, JSON.stringify(content))
    return Tokenizer.fromFile(folder)
  }

  it('counts where the config is old, and has the last word', async () => {
    const both = { ids: [0, 14, 1, 15], plain: 'ab' }
    check(await fromFolder('alone', undefined), 'a<x>b<y>', both)
    const older = await fromFolder('older', { eos_token: '<z>', model_max_length: 5 })
    check(older, 'a<x>b<y>', both)
    expect(older.specialTokens).toEqual({ eos_token: '<x>' })
  })

  it('does not count where the config has added_tokens_decoder', async () => {
    const newer = await fromFolder('newer', { added_tokens_decoder: { 14: token('<y>') } })
    check(newer, 'a<x>b<y>', { ids: [0, 9, 11, 10, 1, 14], plain: 'a<x>b' })
  })
})

describe('added_tokens of tokenizer.json', () => {
  it.each<[string, Json[], string, Expected, Json?]>([
    ['that fit', [at(14, '<x>'), at(15, '<y>')], 'a<x>b<y>', { ids: [0, 14, 1, 15], plain: 'ab' }],
    [
      'with ids of the vocabulary',
      [at(0, '<x>'), at(1, '<y>')],
      'a<x>b<y>',
      { ids: [0, 14, 1, 15], plain: 'ab' },
    ],
    [
      'with a gap before them',
      [at(20, '<x>'), at(30, '<y>')],
      'a<x>b<y>',
      { ids: [0, 14, 1, 15], plain: 'ab' },
    ],
    [
      'in another order than their ids',
      [at(15, '<y>'), at(14, '<x>')],
      'a<x>b<y>',
      { ids: [0, 15, 1, 14], plain: 'ab' },
    ],
    ['with the same id', [at(14, '<x>'), at(14, '<y>')], 'a<x>b<y>', { ids: [0, 14, 1, 15], plain: 'ab' }],
    [
      'twice',
      [at(14, '<x>'), at(15, '<x>'), at(16, '<y>')],
      'a<x>b<y>',
      { ids: [0, 14, 1, 15], plain: 'ab' },
    ],
    [
      'of the vocabulary, with another id',
      [at(20, 'ab')],
      'cabd',
      { ids: [2, 14, 3], plain: 'cd' },
      withWord,
    ],
    ['without text', [at(14, ''), at(15, '<y>')], 'ab<y>', { ids: [0, 1, 14], plain: 'ab' }],
    ['with the largest id there is', [at(2 ** 32 - 1, '<x>')], 'a<x>', { ids: [0, 14], plain: 'a' }],
  ])('%s', (_, added, text, expected, vocab) => {
    check(tokenizerOf(added, undefined, vocab), text, expected)
  })

  it('have the properties that come last, but stay special', () => {
    const loose = { special: false, lstrip: true }
    const last = tokenizerOf([at(14, '<x>'), at(15, '<x>', loose)])
    expect([...last.encode('a <x>b')]).toEqual([0, 14, 1])
    expect(last.decode([0, 14, 1], { skipSpecialTokens: true })).toBe('ab')
    expect([...tokenizerOf([at(14, '<x>', loose), at(15, '<x>')]).encode('a <x>b')]).toEqual([0, 8, 14, 1])
  })

  it('fill a hole of the vocabulary with their own id, where the library would give them that of a token', () => {
    const tokenizer = tokenizerOf([at(13, '<x>')], undefined, { ...letters, z: 14 })
    check(tokenizer, 'a<x>z', { ids: [0, 13, 14], plain: 'az' })
    expect(() => tokenizerOf([at(0, '<x>')], undefined, { ...letters, z: 14 })).toThrow(
      expect.objectContaining({ code: 'invalid_tokenizer' }),
    )
  })

  it.each([-1, 8.5, 2 ** 32, null, '14', undefined])('refuses the id %j, as the library does', (id) => {
    expect(() => tokenizerOf([{ ...token('<x>'), id }])).toThrow(
      expect.objectContaining({ code: 'invalid_tokenizer' }),
    )
  })
})

describe('tokens of tokenizer_config.json', () => {
  it.each<[string, Json[], Json, string, Expected, Json?]>([
    [
      'added_tokens_decoder alone',
      [],
      { added_tokens_decoder: { 14: token('<x>'), 15: token('<y>') } },
      'a<x>b<y>',
      { ids: [0, 14, 1, 15], plain: 'ab' },
    ],
    [
      'by their ids, which do not fit',
      [],
      { added_tokens_decoder: { 30: token('<y>'), 20: token('<x>') } },
      'a<x>b<y>',
      { ids: [0, 14, 1, 15], plain: 'ab' },
    ],
    [
      'with ids of the vocabulary',
      [],
      { added_tokens_decoder: { 1: token('<y>'), 0: token('<x>') } },
      'a<x>b<y>',
      { ids: [0, 14, 1, 15], plain: 'ab' },
    ],
    [
      'with a negative id',
      [at(14, '<x>')],
      { added_tokens_decoder: { '-1': token('<y>'), 14: token('<x>') } },
      'a<x>b<y>',
      { ids: [0, 14, 1, 15], plain: 'ab' },
    ],
    [
      'that change places with those of tokenizer.json',
      [at(14, '<x>'), at(15, '<y>')],
      { added_tokens_decoder: { 15: token('<x>'), 14: token('<y>') } },
      'a<x>b<y>',
      { ids: [0, 14, 1, 15], plain: 'ab' },
    ],
    [
      'of the vocabulary',
      [],
      { added_tokens_decoder: { 20: token('ab') } },
      'cabd',
      { ids: [2, 14, 3], plain: 'cd' },
      withWord,
    ],
    [
      'additional_special_tokens alone',
      [],
      { additional_special_tokens: ['<x>', '<y>'] },
      'a<x>b<y>',
      { ids: [0, 14, 1, 15], plain: 'ab' },
    ],
    [
      'additional_special_tokens of the vocabulary',
      [],
      { additional_special_tokens: ['ab', '<y>'] },
      'cabd<y>',
      { ids: [2, 14, 3, 15], plain: 'cd' },
      withWord,
    ],
    [
      'additional_special_tokens beside the decoder',
      [],
      { added_tokens_decoder: { 14: token('<y>') }, additional_special_tokens: ['<x>', '<y>'] },
      'a<x>b<y>',
      { ids: [0, 15, 1, 14], plain: 'ab' },
    ],
    [
      'additional_special_tokens twice, and empty',
      [],
      { additional_special_tokens: ['<x>', '<x>', ''] },
      'a<x>b',
      { ids: [0, 14, 1], plain: 'ab' },
    ],
    [
      'additional_special_tokens that is not special',
      [at(14, '<x>', { special: false })],
      { additional_special_tokens: ['<x>'] },
      'a<x>b',
      { ids: [0, 14, 1], plain: 'a<x>b' },
    ],
    [
      'extra_special_tokens',
      [],
      { extra_special_tokens: ['<x>'] },
      'a<x>b',
      { ids: [0, 14, 1], plain: 'ab' },
    ],
    [
      'extra_special_tokens by name',
      [],
      { extra_special_tokens: { image_token: '<x>' } },
      'a<x>b',
      { ids: [0, 14, 1], plain: 'ab' },
    ],
    [
      'both kinds: the newer counts',
      [],
      { additional_special_tokens: ['<x>'], extra_special_tokens: ['<y>'] },
      'a<x>b<y>',
      { ids: [0, 9, 11, 10, 1, 14], plain: 'a<x>b' },
    ],
    [
      'an eos_token that nobody has',
      [],
      { eos_token: '<x>' },
      'a<x>b<y>',
      { ids: [0, 14, 1, 9, 12, 10], plain: 'ab<y>' },
    ],
    [
      'an eos_token of the vocabulary',
      [],
      { eos_token: 'ab' },
      'cabd',
      { ids: [2, 14, 3], plain: 'cd' },
      withWord,
    ],
    [
      'an eos_token that is not special',
      [at(14, '<x>', { special: false })],
      { eos_token: '<x>' },
      'a<x>b',
      { ids: [0, 14, 1], plain: 'ab' },
    ],
    [
      'a token for a purpose of its own',
      [],
      { image_token: '<x>', add_bos_token: true },
      'a<x>b',
      { ids: [0, 14, 1], plain: 'ab' },
    ],
    [
      'all kinds',
      [],
      { additional_special_tokens: ['<y>'], eos_token: '<x>', pad_token: '<z>', bos_token: '<b>' },
      'a<x>b<y><z>',
      { ids: [0, 15, 1, 17, 16], plain: 'ab' },
    ],
    [
      'nulls',
      [at(14, '<x>')],
      { added_tokens_decoder: null, additional_special_tokens: null, eos_token: null },
      'a<x>b',
      { ids: [0, 14, 1], plain: 'ab' },
    ],
    [
      'as objects',
      [],
      { eos_token: { __type: 'AddedToken', ...token('<x>') }, additional_special_tokens: [token('<y>')] },
      'a<x>b<y>',
      { ids: [0, 14, 1, 15], plain: 'ab' },
    ],
    [
      'that only the decoder calls special',
      [at(14, '<x>', { special: false })],
      { added_tokens_decoder: { 14: token('<x>') } },
      'a<x>b',
      { ids: [0, 14, 1], plain: 'ab' },
    ],
    [
      'that the decoder does not call special',
      [at(14, '<x>')],
      { added_tokens_decoder: { 14: token('<x>', { special: false }) } },
      'a<x>b',
      { ids: [0, 14, 1], plain: 'ab' },
    ],
  ])('%s', (_, added, config, text, expected, vocab) => {
    check(tokenizerOf(added, config, vocab), text, expected)
  })

  it('have the properties that the decoder gives them', () => {
    const loose = { special: false, lstrip: true }
    const stripped = tokenizerOf([at(14, '<x>')], { added_tokens_decoder: { 14: token('<x>', loose) } })
    expect([...stripped.encode('a <x>b')]).toEqual([0, 14, 1])
    const plain = tokenizerOf([at(14, '<x>', loose)], { added_tokens_decoder: { 14: token('<x>') } })
    expect([...plain.encode('a <x>b')]).toEqual([0, 8, 14, 1])
  })

  it.each([
    { added_tokens_decoder: { x: token('<x>') } },
    { added_tokens_decoder: { 14: '<x>' } },
    { added_tokens_decoder: [7] },
  ])('refuses %j', (config) => {
    expect(() => tokenizerOf([], config)).toThrow(expect.objectContaining({ code: 'invalid_tokenizer' }))
  })
})
