import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { nativeTokenizer, Tokenizer } from '../../lib/tokenizer/tokenizer.js'
import { fixturePath, readJson } from '../golden.js'
import { expectLinear } from '../linear.js'

const tinyFolder = fileURLToPath(new URL('../../models/tiny', import.meta.url))
const tiny = await Tokenizer.fromFile(tinyFolder)
const smollm2 = Tokenizer.fromJSON(
  readJson<object>(fixturePath('tokenizer', 'smollm2-small', 'tokenizer.json.gz')),
)
const codesWithoutToken = new Set([0x04, 0x06, 0x13, 0x14, 0x16, 0x1d])

const code = (name: string) => expect.objectContaining({ name: 'QuernError', code: name })
const anyText = fc.string({ unit: 'binary', maxLength: 60 })
const anyIds = fc.array(fc.integer({ min: 0, max: tiny.vocabSize + 5 }), { maxLength: 40 })

describe('encode and decode', () => {
  test('give the text back, but for NFC', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        const ids = tiny.encode(text)
        const decoded = tiny.decode(ids)
        expect(decoded.normalize('NFC')).toBe(text.normalize('NFC'))
        if (!/[^\p{Script=Latin}\p{P} ]/u.test(text)) expect(decoded).toBe(text)
        expect(tiny.count(text)).toBe(ids.length)
      }),
      { numRuns: 2000 },
    )
  })

  test('lose only the bytes that have no token', () => {
    const isWhole = (char: string) => {
      const code = char.codePointAt(0) ?? 0
      return !codesWithoutToken.has(code) && (code < 0x40000 || code > 0xbffff)
    }
    fc.assert(
      fc.property(anyText, (text) => {
        const kept = Array.from(text, (char) => (isWhole(char) ? char : smollm2.decode(smollm2.encode(char))))
        expect(smollm2.decode(smollm2.encode(text))).toBe(kept.join(''))
      }),
    )
    expect([...smollm2.encode('!\u0004!')]).toEqual([...smollm2.encode('!!')])
  })

  test('replace lone surrogates', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0xd700, max: 0xe010 }), { maxLength: 12 }), (units) => {
        const text = String.fromCharCode(...units)
        const wellFormed = Buffer.from(text, 'utf8').toString('utf8')
        expect(tiny.encode(text)).toEqual(tiny.encode(wellFormed))
      }),
    )
  })

  test('agree on a helper thread', async () => {
    const text = 'Once upon a time 从前 '.repeat(20_000)
    const promises = Array.from({ length: 4 }, () => nativeTokenizer(tiny).encodeAsync(text, true))
    const want = tiny.encode(text)
    for (const ids of await Promise.all(promises)) expect(equal(ids, want)).toBe(true)
  })

  test("a text's tokens have its bytes", async () => {
    const text = 'naïve 量子 🙂<|im_end|>'
    const ids = await tiny.encodeAsync(text)
    expect(ids).toEqual(tiny.encode(text))
    expect(Buffer.concat([...ids].map((id) => tiny.bytesOf(id))).toString()).toBe(text)
    expect([...ids].map((id) => tiny.isSpecial(id))).toEqual([...ids].map((_, i) => i === ids.length - 1))
    expect(tiny.bytesOf(2 ** 40)).toHaveLength(0)
    expect(tiny.isSpecial(-1)).toBe(false)
  })

  test('of nothing give nothing', () => {
    expect(tiny.encode('')).toEqual(new Int32Array())
    expect(tiny.decode([])).toBe('')
    expect(tiny.decoder().end()).toBe('')
  })

  test('ids without a token contribute nothing', () => {
    const ids = [...tiny.encode('ab')]
    expect(tiny.decode([-1, ...ids, tiny.vocabSize, 2 ** 31 - 1, 2 ** 40, -(2 ** 40)])).toBe('ab')
    expect(tiny.decoder().push(2 ** 32 + (ids[0] ?? 0))).toBe('')
  })

  test('values that are no ids are errors', () => {
    for (const id of [1.5, Number.NaN, Number.POSITIVE_INFINITY, '1', null, undefined]) {
      expect(() => tiny.decode([id as number])).toThrow(code('invalid_token'))
      expect(() => tiny.decoder().push(id as number)).toThrow(code('invalid_token'))
    }
    expect(() => tiny.encode(5 as unknown as string)).toThrow(code('invalid_input'))
    expect(() => tiny.decode(null as unknown as number[])).toThrow(code('invalid_input'))
  })
})

describe('a stream', () => {
  test('joins to the whole decode, whatever the ids', () => {
    fc.assert(
      fc.property(anyIds, fc.boolean(), (ids, skipSpecialTokens) => {
        const decoder = tiny.decoder({ skipSpecialTokens })
        const pieces = ids.map((id) => decoder.push(id))
        expect(pieces.join('') + decoder.end()).toBe(tiny.decode(ids, { skipSpecialTokens }))
      }),
      { numRuns: 2000 },
    )
  })

  test('never gives half a character', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        const decoder = tiny.decoder()
        for (const id of tiny.encode(text.replaceAll('\ufffd', '')))
          expect(decoder.push(id)).not.toContain('\ufffd')
        expect(decoder.end()).toBe('')
      }),
    )
  })

  test('can be used again after its end', () => {
    const decoder = tiny.decoder()
    const [first] = tiny.encode('🌍')
    expect(decoder.push(first ?? 0)).toBe('')
    expect(decoder.end()).toBe('\ufffd')
    expect(decoder.push(tiny.encode('a')[0] ?? 0)).toBe('a')
  })
})

describe('a tokenizer', () => {
  test('knows its special tokens', () => {
    expect(tiny.specialTokens.eos_token).toBe('<|im_end|>')
    expect(tiny.decode(tiny.encode('<|im_end|>x'), { skipSpecialTokens: true })).toBe('x')
    expect(tiny.idOf('<|im_end|>')).toBe(tiny.encode('<|im_end|>')[0])
    expect(tiny.idOf('a')).toBe(tiny.encode('a')[0])
    expect(tiny.idOf('no single token')).toBeUndefined()
    expect(tiny.idOf('')).toBeUndefined()
  })

  test('is read from a folder or a file', async () => {
    const file = await Tokenizer.fromFile(join(tinyFolder, 'tokenizer.json'))
    expect(file.encode('Hello')).toEqual(tiny.encode('Hello'))
    expect(file.specialTokens).toEqual(tiny.specialTokens)
  })

  test('says which file is missing or broken', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'quern-'))
    await expect(Tokenizer.fromFile(folder)).rejects.toThrow(code('missing_file'))
    await expect(Tokenizer.fromFile(join(folder, 'none', 'tokenizer.json'))).rejects.toThrow(
      code('missing_file'),
    )
    writeFileSync(join(folder, 'tokenizer.json'), '{"model": ')
    await expect(Tokenizer.fromFile(folder)).rejects.toThrow(code('invalid_tokenizer'))
  })
})

describe('hostile texts take linear time', () => {
  const length = 60_000
  test.each([
    ['one letter', 'a'],
    ['spaces', ' '],
    ['newlines', '\n'],
    ['marks', '\u0301\u0323'],
    ['jamo', '\u1100\u1161\u11a8'],
    ['special tokens', '<|im_end|>'],
    ['beginnings of special tokens', '<|im_'],
    ['apostrophes', "'"],
    ['digits', '7'],
    ['lone surrogates', '\ud800'],
  ])('%s', async (_, piece) => {
    const text = (units: number) => piece.repeat(units / piece.length)
    const ids = tiny.encode(text(length))
    expect(equal(tiny.encode(tiny.decode(ids)), ids)).toBe(true)
    await expectLinear(length, (units) => {
      tiny.encode(text(units))
    })
  })

  test('a stream', async () => {
    const ids = tiny.encode('Once upon a time \u{1f30d}')
    await expectLinear(length, (count) => {
      const decoder = tiny.decoder()
      for (let i = 0; i < count; i++) decoder.push(ids[i % ids.length] as number)
      decoder.end()
    })
  })
})

/** expect().toEqual takes seconds for a million ids. */
function equal(a: Int32Array, b: Int32Array): boolean {
  return Buffer.from(a.buffer).equals(Buffer.from(b.buffer))
}
