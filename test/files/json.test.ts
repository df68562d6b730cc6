import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { JsonError, type JsonLimits, type JsonValue, parseJson } from '../../lib/files/json.js'
import { expectLittleWork } from '../promptly.js'

const encode = (text: string) => new TextEncoder().encode(text)
const parse = (text: string, limits?: JsonLimits) => parseJson(encode(text), limits)

/** As JSON.parse would give it. */
function plain(value: JsonValue): unknown {
  if (Array.isArray(value)) return value.map(plain)
  if (typeof value === 'bigint') return Number(value)
  if (!(value instanceof Map)) return value
  const object: Record<string, unknown> = Object.create(null)
  for (const [key, item] of value) object[key] = plain(item)
  return object
}

function kind(text: string | Uint8Array, limits?: JsonLimits) {
  try {
    parseJson(typeof text === 'string' ? encode(text) : text, limits)
  } catch (error) {
    return error instanceof JsonError ? error.kind : error
  }
  return 'accepted'
}

describe('parseJson', () => {
  it('reads what JSON.parse reads', () => {
    fc.assert(
      fc.property(fc.json({ depthSize: 'medium' }), fc.constantFrom(undefined, 1, '\t'), (json, indent) => {
        const text = JSON.stringify(JSON.parse(json), null, indent)
        expect(plain(parse(text))).toEqual(toNullPrototype(JSON.parse(text)))
      }),
    )
  })

  it('refuses what JSON.parse refuses', () => {
    const fragments = [
      '{',
      '}',
      '[',
      ']',
      ',',
      ':',
      '"a"',
      '"',
      '1',
      '-',
      '01',
      '1.',
      '.5',
      '1e',
      'true',
      'nul',
      ' ',
      '\\',
      '\n',
      '+1',
    ]
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...fragments), { maxLength: 8 }), (parts) => {
        const text = parts.join('')
        let reference = 'accepted'
        try {
          // It also takes 1e999, as infinity.
          JSON.parse(text, (_, value) => (value === Number.POSITIVE_INFINITY ? expect.fail() : value))
        } catch {
          reference = 'syntax'
        }
        const ours = kind(text)
        expect(ours === 'duplicate' ? 'accepted' : ours, text).toBe(reference)
      }),
      { numRuns: 3000 },
    )
  })

  it.each([
    ['NaN', 'syntax'],
    ['[Infinity]', 'syntax'],
    ['1e999', 'syntax'],
    ['{"a": 1,}', 'syntax'],
    ['{} {}', 'syntax'],
    ['', 'syntax'],
    ['\u{feff}{}', 'syntax'],
    ['"\\ud800"', 'syntax'],
    ['"a\u0001"', 'syntax'],
    ['"\\x"', 'syntax'],
    ['"\\u12g4"', 'syntax'],
    ['{"a":1,"\\u0061":2}', 'duplicate'],
    ['{"__proto__":1,"__proto__":2}', 'duplicate'],
    ['"\\ud83d\\ude00"', 'accepted'],
    ['{"__proto__":1,"constructor":2}', 'accepted'],
  ])('%s is %s', (text, expected) => expect(kind(text)).toBe(expected))

  it('refuses bytes that are not UTF-8', () => {
    expect(kind(Uint8Array.of(0x22, 0xff, 0x22))).toBe('utf8')
    expect(kind(Uint8Array.of(0x22, 0xed, 0xa0, 0x80, 0x22))).toBe('utf8')
  })

  it('tells large integers from their neighbours', () => {
    expect(parse('[9007199254740991, 9007199254740993, -9007199254740993]')).toEqual([
      9007199254740991,
      9007199254740993n,
      -9007199254740993n,
    ])
    expect(parse('18446744073709551615')).toBe(2n ** 64n - 1n)
    expect(parse(`1${'0'.repeat(40)}`)).toBe(1e40)
    expect(parse('1e3')).toBe(1000)
  })

  it('tells how deep a duplicate lies', () => {
    expect(() => parse('{"a":{"b":1,"b":2}}')).toThrow(
      expect.objectContaining({ kind: 'duplicate', depth: 2 }),
    )
  })

  it('bounds size, depth and number of values', () => {
    expect(kind('[1, 2]', { maxBytes: 5 })).toBe('too_large')
    expect(kind('[[1]]', { maxDepth: 2 })).toBe('accepted')
    expect(kind('[[[1]]]', { maxDepth: 2 })).toBe('too_large')
    expect(kind('['.repeat(1_000_000))).toBe('too_large')
    expect(kind('[1,2]', { maxValues: 3 })).toBe('accepted')
    expect(kind('[1,2,3]', { maxValues: 3 })).toBe('too_large')
  })

  it('reads megabytes in a moment', async () => {
    const header = Object.fromEntries(
      Array.from({ length: 40_000 }, (_, i) => [
        `model.layers.${i}.self_attn.q_proj.weight`,
        { dtype: 'BF16', shape: [4096, 2560], data_offsets: [i * 100, i * 100 + 100] },
      ]),
    )
    const bytes = encode(JSON.stringify(header))
    expect(bytes.byteLength).toBeGreaterThan(4e6)
    await expectLittleWork(5000, () => expect((parseJson(bytes) as Map<string, JsonValue>).size).toBe(40_000))
  })

  it('reads a string of many escapes in linear time', async () => {
    const text = `"${'\\n'.repeat(1_000_000)}"`
    await expectLittleWork(2000, () => expect(parse(text)).toHaveLength(1_000_000))
  })
})

function toNullPrototype(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(toNullPrototype)
  if (typeof value !== 'object' || value === null) return value
  return Object.assign(
    Object.create(null),
    Object.fromEntries(Object.entries(value).map(([key, item]) => [key, toNullPrototype(item)])),
  )
}
