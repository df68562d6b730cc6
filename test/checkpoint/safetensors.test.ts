import { mkdir, open, readFile, truncate, writeFile } from 'node:fs/promises'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { readSafetensorsHeader } from '../../lib/checkpoint/safetensors.js'
import { QuernError } from '../../lib/errors.js'
import { fixturePath } from '../golden.js'
import { expectCode } from '../model/expect-code.js'
import { safetensorsBytes, temporaryFolder } from '../model/temporary.js'
import { expectLittleWork } from '../promptly.js'

const folder = temporaryFolder()

async function write(bytes: Uint8Array): Promise<string> {
  const path = folder.join('file.safetensors')
  await writeFile(path, bytes)
  return path
}

const tensor = (shape: unknown[], begin: number, end: number, dtype = 'F32') => ({
  dtype,
  shape,
  data_offsets: [begin, end],
})

describe('readSafetensorsHeader', () => {
  it('says where each tensor lies, in the order of the data', async () => {
    const header = {
      __metadata__: { format: 'pt' },
      b: tensor([2], 12, 20),
      a: tensor([1, 3], 0, 12),
      none: tensor([0, 7], 20, 20),
    }
    const bytes = safetensorsBytes(header, new Uint8Array(20))
    const read = await readSafetensorsHeader(await write(bytes))
    const start = bytes.byteLength - 20
    expect([...read.tensors.values()]).toEqual([
      { name: 'a', dtype: 'F32', shape: [1, 3], offset: start, bytes: 12 },
      { name: 'b', dtype: 'F32', shape: [2], offset: start + 12, bytes: 8 },
      { name: 'none', dtype: 'F32', shape: [0, 7], offset: start + 20, bytes: 0 },
    ])
    expect(read.bytes).toBe(bytes.byteLength)
    expect([...read.metadata]).toEqual([['format', 'pt']])
  })

  it('takes __proto__ for a name like any other', async () => {
    const read = await readSafetensorsHeader(
      await write(
        safetensorsBytes('{"__proto__":{"dtype":"U8","shape":[],"data_offsets":[0,1]}}', new Uint8Array(1)),
      ),
    )
    expect(read.tensors.get('__proto__')?.shape).toEqual([])
  })

  it('counts bits where a type is narrower than a byte', async () => {
    const bytes = safetensorsBytes(
      { a: tensor([4, 2], 0, 4, 'F4'), b: tensor([4], 4, 7, 'F6_E2M3') },
      new Uint8Array(7),
    )
    expect((await readSafetensorsHeader(await write(bytes))).tensors.get('b')?.bytes).toBe(3)
  })

  it('keeps hostile names short in messages', async () => {
    const path = await write(safetensorsBytes({ ['x'.repeat(1_000_000)]: 1 }))
    expect(
      (await expectCode(() => readSafetensorsHeader(path), 'invalid_header')).message.length,
    ).toBeLessThan(500)
  })

  it('names the tensor and what was expected', async () => {
    const path = await write(safetensorsBytes({ weight: tensor([2, 3], 0, 20) }, new Uint8Array(20)))
    const error = await expectCode(() => readSafetensorsHeader(path), 'size_mismatch')
    expect(error.message).toBe(`${path}: tensor "weight": F32 [2, 3] takes 24 bytes, data_offsets give it 20`)
  })

  it('takes null for no metadata, as the reference does', async () => {
    const path = folder.join('null-metadata.safetensors')
    await writeFile(path, safetensorsBytes({ __metadata__: null }))
    expect((await readSafetensorsHeader(path)).metadata.size).toBe(0)
    await writeFile(path, safetensorsBytes('{"__metadata__":null,"__metadata__":null}'))
    await expectCode(() => readSafetensorsHeader(path), 'duplicate_name')
    await writeFile(path, safetensorsBytes({ a: null }))
    await expectCode(() => readSafetensorsHeader(path), 'invalid_header')
  })

  it('says what a text is that was saved under its name', async () => {
    const path = folder.join('page.safetensors')
    await writeFile(path, '<!doctype html><title>404</title>')
    const { message } = await expectCode(() => readSafetensorsHeader(path), 'header_too_large')
    expect(message).toContain('begins with the text "<!doctyp"')
  })

  it('tells a missing file, a folder and a link to nothing', async () => {
    await expectCode(() => readSafetensorsHeader(folder.join('absent.safetensors')), 'missing_file')
    await mkdir(folder.join('folder.safetensors'))
    await expectCode(() => readSafetensorsHeader(folder.join('folder.safetensors')), 'read_error')
    await expectCode(() => readSafetensorsHeader('/dev/zero'), 'read_error')
  })

  it('does not read a header of 99 MB that is none', async () => {
    const path = folder.join('sparse.safetensors')
    const length = Buffer.alloc(8)
    length.writeBigUInt64LE(99_000_000n)
    await writeFile(path, length)
    await truncate(path, 120_000_000)
    const before = process.memoryUsage().arrayBuffers
    await expectCode(() => readSafetensorsHeader(path), 'invalid_header')
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(10e6)
  })

  it('reads the header alone of a file of 20 GB', async () => {
    const size = 20_000_000_000
    const path = folder.join('huge.safetensors')
    const bytes = safetensorsBytes({ a: tensor([size / 2], 0, size, 'BF16') })
    await writeFile(path, bytes)
    const file = await open(path, 'r+')
    await file.truncate(bytes.byteLength + size)
    await file.close()
    expect((await readSafetensorsHeader(path)).tensors.get('a')?.bytes).toBe(size)
  })

  it('refuses more values than any checkpoint has', async () => {
    const path = await write(
      safetensorsBytes(`{"a":{"dtype":"F32","shape":[${'1,'.repeat(4_100_000)}1],"data_offsets":[0,4]}}`),
    )
    await expectCode(() => readSafetensorsHeader(path), 'invalid_header')
  })

  it('says QuernError, and nothing else, of any damage', async () => {
    const original = await readFile(fixturePath('models', 'bad', 'models', 'ok', 'model.safetensors'))
    const headerEnd = 8 + Number(original.readBigUInt64LE())
    const change = fc.record({
      at: fc.nat(headerEnd - 1),
      remove: fc.nat(12),
      insert: fc.oneof(
        fc.uint8Array({ maxLength: 8 }),
        fc.constantFrom(
          '{',
          '}',
          '[',
          ']',
          ',',
          '"',
          '-',
          '0',
          '9'.repeat(19),
          '1e9',
          '\\u0000',
          'null',
          '18446744073709551615',
        ),
      ),
    })
    const keepLength = fc.boolean()
    await fc.assert(
      fc.asyncProperty(
        fc.array(change, { minLength: 1, maxLength: 4 }),
        keepLength,
        async (changes, keepLength) => {
          let bytes = original
          for (const { at, remove, insert } of changes) {
            bytes = Buffer.concat([
              bytes.subarray(0, at),
              Buffer.from(insert as string),
              bytes.subarray(at + remove),
            ])
          }
          const grown = headerEnd + bytes.byteLength - original.byteLength - 8
          if (!keepLength && bytes.byteLength >= 8 && grown >= 0) bytes.writeBigUInt64LE(BigInt(grown))
          const path = await write(bytes)
          await expectLittleWork(1000, () =>
            readSafetensorsHeader(path).then(
              ({ tensors }) => {
                for (const { offset, bytes: size } of tensors.values())
                  expect(offset + size).toBeLessThanOrEqual(bytes.byteLength)
              },
              (error) => expect(error).toBeInstanceOf(QuernError),
            ),
          )
        },
      ),
      { numRuns: 600 },
    )
  })
})

/** Offsets that JavaScript's maps hash alike, as numbers: V8's hash of small integers, backwards from hashes that end in the same 16 bits. */
function* offsetsThatHashAlike(): Generator<number> {
  for (let high = 0; high < 2 ** 16; high++) {
    let x = (high << 16) | 7
    x ^= x >>> 16
    x = Math.imul(x, inverse(2057))
    x = x ^ (x >>> 4) ^ (x >>> 8) ^ (x >>> 12) ^ (x >>> 16) ^ (x >>> 20) ^ (x >>> 24) ^ (x >>> 28)
    x = Math.imul(x, inverse(5))
    x = x ^ (x >>> 12) ^ (x >>> 24)
    x = Math.imul(x + 1, inverse(2 ** 15 - 1))
    if (x > 0) yield x
  }
}

/** What undoes multiplying by an odd number, modulo 2^32. */
function inverse(odd: number): number {
  let found = odd
  for (let i = 0; i < 5; i++) found = Math.imul(found, 2 - Math.imul(odd, found))
  return found
}

it('takes offsets that hash alike as fast as others', async () => {
  const begins = [0, ...[...offsetsThatHashAlike()].sort((a, b) => a - b)].slice(0, 30_000)
  const end = (begins.at(-1) as number) + 1
  const ends = [...begins.slice(1), end]
  const header = Object.fromEntries(
    begins.map((begin, i) => [
      `t${i}`,
      tensor([(ends[i] as number) - begin], begin, ends[i] as number, 'U8'),
    ]),
  )
  const bytes = safetensorsBytes(header)
  const path = await write(bytes)
  await truncate(path, bytes.byteLength + end)
  await expectLittleWork(1500, async () => {
    const { tensors } = await readSafetensorsHeader(path)
    expect(tensors.size).toBe(begins.length)
  })
})
