// Definitions that are larger than any model's.
import { describe, expect, it } from 'vitest'
import { Tokenizer } from '../../lib/tokenizer/tokenizer.js'
import { expectLittleWork } from '../promptly.js'

type Json = Record<string, unknown>

const byteLevel = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: false }
const letters = Object.fromEntries([...'abcdefgh'].map((letter, id) => [letter, id]))

function tokenizerOf(added: Json[], config: Json, vocab: Json = letters): Tokenizer {
  const model = { type: 'BPE', vocab, merges: [] }
  return Tokenizer.fromJSON(
    { added_tokens: added, pre_tokenizer: byteLevel, decoder: byteLevel, model },
    config,
  )
}

describe('more tokens than models have', () => {
  const many = (count: number, name: string) =>
    Object.fromEntries(Array.from({ length: count }, (_, i) => [`${name}${i}_token`, `<${name}${i}>`]))

  it.each<[string, Json[], Json]>([
    ['by name', [], many(100_001, 'a')],
    [
      'in several places together',
      [],
      { ...many(50_000, 'a'), additional_special_tokens: Object.values(many(50_001, 'b')) },
    ],
    [
      'in both files together',
      Array.from({ length: 50_000 }, (_, i) => ({ id: 20 + i, content: `<c${i}>`, special: true })),
      many(60_000, 'a'),
    ],
  ])('are refused, %s', (_name, added, config) => {
    expect(() => tokenizerOf(added, config)).toThrow(
      expect.objectContaining({
        code: 'invalid_tokenizer',
        message: expect.stringMatching(/at most 100000/),
      }),
    )
  })
})

it('one large id costs no more than it must', async () => {
  await expectLittleWork(1800, () =>
    expect(tokenizerOf([], {}, { ...letters, zz: 2 ** 24 - 1 }).vocabSize).toBe(2 ** 24),
  )
})
