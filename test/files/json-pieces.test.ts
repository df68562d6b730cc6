import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  JsonError,
  type JsonOptions,
  parseJson,
  parseJsonPieces,
  parseJsonText,
} from '../../lib/files/json.js'
import { expectLinear } from '../linear.js'

async function* pieces(bytes: Uint8Array, cuts: readonly number[]): AsyncGenerator<Uint8Array> {
  let from = 0
  for (const cut of [...cuts.map((part) => Math.floor(part * bytes.length)), bytes.length].sort(
    (a, b) => a - b,
  )) {
    yield bytes.subarray(from, cut)
    from = cut
  }
}

/** What becomes of a text: its value, or where and why it is refused. What came there is shown as far as it was there. */
async function outcome(read: () => unknown): Promise<unknown> {
  try {
    return await read()
  } catch (error) {
    if (!(error instanceof JsonError)) throw error
    return [error.kind, error.depth, error.message.replace(/, got .*$/s, '')]
  }
}

const fragments = [
  '{',
  '}',
  '[',
  ']',
  ',',
  ':',
  ' ',
  '\n',
  '"',
  '"a"',
  '"é🙂"',
  '"\\ud83d\\ude00"',
  '"\\ud83d"',
  '\\',
  '\\n',
  '"\\x"',
]
const words = [
  '0',
  '-',
  '01',
  '1.',
  '12.5e-3',
  '9007199254740993',
  '1e999',
  'true',
  'nul',
  'null',
  'NaN',
  '-Infinity',
  'é',
  '\u0001',
]

describe('JSON that comes in pieces', () => {
  it.each<JsonOptions>([
    {},
    { dialect: 'python' },
    { plain: true },
    { maxDepth: 3, maxValues: 9, maxMembers: 1 },
  ])('is read as if it came at once, with %j', async (options) => {
    const text = fc.oneof(
      fc.json({ depthSize: 'medium', stringUnit: 'binary' }),
      fc.array(fc.constantFrom(...fragments, ...words), { maxLength: 9 }).map((parts) => parts.join('')),
      fc
        .array(fc.constantFrom(...words, '"a\\u0041\\n"', '""'), { minLength: 1, maxLength: 6 })
        .map((parts) => `[${parts}]`),
    )
    const cuts = fc.array(fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }), { maxLength: 12 })
    await fc.assert(
      fc.asyncProperty(text, cuts, async (json, where) => {
        const bytes = Buffer.from(json)
        const whole = await outcome(() => parseJson(bytes, options))
        expect(await outcome(() => parseJsonPieces(pieces(bytes, where), options))).toEqual(whole)
        if (!/\p{Surrogate}/u.test(json))
          expect(await outcome(() => parseJsonText(json, options))).toEqual(whole)
      }),
      { numRuns: 2000 },
    )
  })

  it('may be cut within a character, but not end there', async () => {
    const bytes = Buffer.from('"é🙂"')
    const single = (end: number) => Array.from({ length: end }, (_, i) => i / bytes.length)
    expect(await parseJsonPieces(pieces(bytes, single(bytes.length)))).toBe('é🙂')
    for (const end of [2, 4, 5, 6])
      await expect(parseJsonPieces(pieces(bytes.subarray(0, end), []))).rejects.toMatchObject({
        kind: 'utf8',
      })
  })

  it('is bounded by what has come, not by what was announced', async () => {
    async function* endless() {
      for (;;) yield Buffer.alloc(65_536, ' ')
    }
    await expect(parseJsonPieces(endless(), { maxBytes: 1e6 })).rejects.toMatchObject({ kind: 'too_large' })
  })

  it('takes time in proportion to its length, even a byte at a time', async () => {
    await expectLinear(2000, (length) => {
      const text = Buffer.from(`["${'a'.repeat(length)}\\u0041${'\\n'.repeat(length)}",${'1'.repeat(300)}]`)
      const everywhere = Array.from({ length: text.length }, (_, i) => i / text.length)
      return parseJsonPieces(pieces(text, everywhere))
    })
  })

  it('gives the members of the outermost object away', () => {
    const members: unknown[] = []
    const root = parseJson(Buffer.from('{"a": [1, {"b": 2}], "c": "d", "a": 3}'), {
      dialect: 'python',
      onMember: (key, value) => members.push([key, value]),
    })
    expect(root).toEqual(new Map())
    expect(members).toEqual([
      ['a', [1, new Map([['b', 2]])]],
      ['c', 'd'],
      ['a', 3],
    ])
  })

  it('becomes plain objects, whatever their keys', () => {
    const text =
      '{"__proto__": {"x": 1}, "a": {"vocab": {"k": 1, "l": 2}}, "a2": 9007199254740993, "b": 1, "b": 2}'
    const plain = parseJsonText(text, { plain: true, mapKey: 'vocab' }) as unknown as Record<string, unknown>
    expect(Object.keys(plain)).toEqual(['__proto__', 'a', 'a2', 'b'])
    expect((plain as { x?: number }).x).toBeUndefined()
    expect(plain.a).toEqual({
      vocab: new Map([
        ['k', 1],
        ['l', 2],
      ]),
    })
    expect([plain.a2, plain.b]).toEqual([9007199254740992, 2])
  })

  it.each<[string, JsonOptions, string]>([
    ['1'.repeat(1001), {}, 'a number of more than 1000 characters'],
    ['{"a": 1, "b": 2}', { maxMembers: 1 }, 'an object of more than 1 members'],
    ['[{}, {}]', { maxValues: 16 }, 'more than 16 values'],
  ])('bounds it: %#', (text, options, message) => {
    expect(() => parseJsonText(text, options)).toThrow(
      expect.objectContaining({ kind: 'too_large', message }),
    )
  })
})
