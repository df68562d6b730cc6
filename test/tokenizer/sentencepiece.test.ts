import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { QuernError } from '../../lib/errors.js'
import { Tokenizer } from '../../lib/tokenizer/tokenizer.js'
import { expectLinear } from '../linear.js'
import {
  bytesAndFuse,
  decoders,
  mark,
  replace,
  sentencePieceJson,
  strip,
  toMarks,
  toSpaces,
  vocabulary,
} from './sentencepiece-json.js'

type Json = Record<string, unknown>

const tokenizer = Tokenizer.fromJSON(sentencePieceJson())
const metaspace = (more: Json = {}) => ({ type: 'Metaspace', replacement: mark, ...more })
const withMetaspace = (more: Json) =>
  Tokenizer.fromJSON(sentencePieceJson({ normalizer: null, pre_tokenizer: metaspace(more) }))

/** The tokens of a text as the vocabulary spells them. */
function spelled(of: Tokenizer, text: string): string[] {
  const texts = new Map(Object.entries(vocabulary).map(([spelling, id]) => [id, spelling]))
  return [...of.encode(text, { addSpecialTokens: false })].map((id) => texts.get(id) ?? '?')
}

describe('a text', () => {
  test('begins with the mark of a space, and its parts do', () => {
    expect(spelled(tokenizer, 'ab a')).toEqual(['▁', 'ab', '▁a'])
    expect(spelled(tokenizer, 'a</s>a')).toEqual(['▁a', '</s>', '▁a'])
    expect([...tokenizer.encode('')]).toEqual([vocabulary['<s>']])
    expect(tokenizer.decode(tokenizer.encode('ab a'), { skipSpecialTokens: true })).toBe('ab a')
  })

  test('has bytes where it has no tokens', () => {
    expect(spelled(tokenizer, 'a\n🌍')).toEqual(['▁a', '<0x0A>', '<0xF0>', '<0x9F>', '<0x8C>', '<0x8D>'])
    expect(tokenizer.idOf('\n')).toBe(vocabulary['<0x0A>'])
    expect(tokenizer.idOf(' a')).toBe(vocabulary['▁a'])
    expect([...tokenizer.bytesOf(vocabulary['▁a'] ?? 0)]).toEqual([0x20, 0x61])
  })

  test.each<[string, Json, string[]]>([
    ['older, with a space', { add_prefix_space: true, split: false }, ['▁a', '</s>', '▁a']],
    ['older, without', { add_prefix_space: false, split: false }, ['a', '</s>', 'a']],
    ['always', { prepend_scheme: 'always', split: false }, ['▁a', '</s>', '▁a']],
    ['first', { prepend_scheme: 'first', split: false }, ['▁a', '</s>', 'a']],
    ['never', { prepend_scheme: 'never', split: false }, ['a', '</s>', 'a']],
    ['by default', {}, ['▁a', '</s>', '▁a']],
  ])('with Metaspace: %s', (_, more, want) => {
    expect(spelled(withMetaspace(more), 'a</s>a')).toEqual(want)
  })

  test('is split by Metaspace unless told not to', () => {
    expect(spelled(withMetaspace({ split: false }), 'a   b')).toEqual(['▁a', '▁▁', '▁b'])
    expect(spelled(withMetaspace({ split: true }), 'a   b')).toEqual(['▁a', '▁', '▁', '▁b'])
  })
})

describe('decoding', () => {
  const ids = ['▁▁', '▁a'].map((text) => vocabulary[text] as number)

  test.each<[string, unknown, string]>([
    ['a space', decoders(toSpaces, ...bytesAndFuse, strip), '  a'],
    ['spaces', decoders(toSpaces, ...bytesAndFuse, { ...strip, start: 7 }), 'a'],
    ['nothing', decoders(toSpaces, ...bytesAndFuse), '   a'],
    ['the marks of the first token', decoders(metaspace(), ...bytesAndFuse), ' a'],
    ['no marks', decoders(metaspace({ prepend_scheme: 'never' }), ...bytesAndFuse), '   a'],
    ['them in a row', decoders(metaspace(), ...bytesAndFuse, strip), 'a'],
  ])('takes %s from the beginning', (_, decoder, want) => {
    const other = Tokenizer.fromJSON(sentencePieceJson({ decoder }))
    expect(other.decode(ids)).toBe(want)
    expect(other.decode(ids, { goesOn: true })).toBe('   a')
  })

  test('in pieces gives the whole, and what goes on the rest of it', () => {
    const anyIds = fc.array(fc.integer({ min: 0, max: tokenizer.vocabSize + 2 }), { maxLength: 12 })
    fc.assert(
      fc.property(anyIds, fc.boolean(), (given, skipSpecialTokens) => {
        const decoder = tokenizer.decoder({ skipSpecialTokens })
        for (let round = 0; round < 2; round++) {
          const pieces = given.map((id) => decoder.push(id))
          expect(pieces.join('') + decoder.end()).toBe(tokenizer.decode(given, { skipSpecialTokens }))
        }
        const rest = tokenizer.decode(given, { skipSpecialTokens, goesOn: true })
        const goingOn = tokenizer.decoder({ skipSpecialTokens, goesOn: true })
        expect(given.map((id) => goingOn.push(id)).join('') + goingOn.end()).toBe(rest)
        const before = vocabulary.a as number
        expect(tokenizer.decode([before, ...given], { skipSpecialTokens })).toBe(`a${rest}`)
      }),
    )
  })

  test('gives any text back', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 40 }), (text) => {
        const written = tokenizer.encode(text.replaceAll(mark, ''), { addSpecialTokens: false })
        expect(tokenizer.decode(written)).toBe(text.replaceAll(mark, ''))
      }),
    )
  })
})

describe('what quern does not do is refused by name', () => {
  const withSteps = (name: string, step: unknown) => sentencePieceJson({ [name]: step })
  test.each<[string, Json, RegExp]>([
    ['an expression', withSteps('normalizer', replace({ Regex: ' +' }, mark)), /pattern: the expression/],
    ['a long text', withSteps('normalizer', { type: 'Prepend', prepend: mark.repeat(9) }), /16 bytes/],
    ['another pre-tokenizer', withSteps('pre_tokenizer', { type: 'Whitespace' }), /Whitespace/],
    [
      'Metaspace twice',
      withSteps('pre_tokenizer', { type: 'Sequence', pretokenizers: [metaspace(), metaspace()] }),
      /second Metaspace/,
    ],
    ['ByteLevel among others', withSteps('decoder', decoders(toSpaces, { type: 'ByteLevel' })), /ByteLevel/],
    ['a late replacement', withSteps('decoder', decoders(...bytesAndFuse, toSpaces)), /Replace after Fuse/],
    ['a strip of each token', withSteps('decoder', decoders(toSpaces, strip)), /without Fuse/],
    ['a strip of the end', withSteps('decoder', decoders(...bytesAndFuse, { ...strip, stop: 1 })), /stop/],
    [
      'a strip of a mark',
      withSteps('decoder', decoders(...bytesAndFuse, { ...strip, content: mark })),
      /to strip/,
    ],
    ['bytes that nothing decodes', withSteps('decoder', toSpaces), /byte_fallback.*ByteFallback/],
    [
      'a merge of bytes',
      sentencePieceJson({}, { vocab: { ...vocabulary, '<0x41>a': 400 }, merges: ['a b', '<0x41> a'] }),
      /merges\[1\]/,
    ],
  ])('%s', (_, json, message) => {
    expect(() => Tokenizer.fromJSON(json)).toThrow(
      expect.objectContaining({ code: 'unsupported_tokenizer', message: expect.stringMatching(message) }),
    )
  })

  test.each<[string, Json, RegExp]>([
    ['a pattern of nothing', withSteps('normalizer', replace({ String: '' }, mark)), /pattern.*not empty/],
    ['no pattern', withSteps('normalizer', replace(' ', mark)), /pattern/],
    ['no content', withSteps('normalizer', replace({ String: ' ' }, 5)), /content/],
    ['a mark of two', withSteps('pre_tokenizer', metaspace({ replacement: 'ab' })), /one character/],
    ['a scheme', withSteps('pre_tokenizer', metaspace({ prepend_scheme: 'last' })), /prepend_scheme/],
    ['no count', withSteps('decoder', decoders(...bytesAndFuse, { ...strip, start: -1 })), /start/],
    ['an unknown token that is none', sentencePieceJson({}, { unk_token: '<none>' }), /unk_token/],
  ])('%s breaks the format', (_, json, message) => {
    expect(() => Tokenizer.fromJSON(json)).toThrow(
      expect.objectContaining({ code: 'invalid_tokenizer', message: expect.stringMatching(message) }),
    )
  })

  test('whatever is changed in a file', () => {
    const vocab = { '<unk>': 0, '<0x41>': 1, [mark]: 2, a: 3, [`${mark}a`]: 4 }
    const texts = [
      sentencePieceJson({}, { vocab, merges: [[mark, 'a']] }),
      sentencePieceJson(
        { normalizer: toMarks, pre_tokenizer: metaspace(), decoder: decoders(metaspace(), ...bytesAndFuse) },
        { vocab, merges: [[mark, 'a']] },
      ),
    ].map((json) => JSON.stringify({ ...json, added_tokens: [], post_processor: null }))
    const change = fc.tuple(fc.nat(1), fc.nat(1200), fc.nat(12), fc.string({ maxLength: 6 }))
    fc.assert(
      fc.property(change, ([which, at, removed, inserted]) => {
        const text = texts[which] as string
        try {
          const changed = Tokenizer.fromJSON(text.slice(0, at) + inserted + text.slice(at + removed))
          changed.decode(changed.encode('a a▁ 🌍<0x41>'))
        } catch (error) {
          expect(error).toBeInstanceOf(QuernError)
          expect((error as QuernError).code).toMatch(/^(invalid|unsupported)_tokenizer$/)
        }
      }),
      { numRuns: 3000 },
    )
  })
})

describe('hostile texts take linear time', () => {
  test.each([
    ['one letter', 'a'],
    ['a pair', 'ab'],
    ['spaces', ' '],
    ['marks', mark],
    ['bytes', '🌍'],
    ['special tokens', '</s>'],
    ['lone surrogates', '\ud800'],
  ])('%s', async (_, piece) => {
    await expectLinear(60_000, (units) => {
      tokenizer.encode(piece.repeat(units / piece.length))
    })
  })
})
