import { QuernError, type QuernErrorCode } from '../errors.js'
import { JsonError, type JsonObject, type JsonValue, parseJson } from '../files/json.js'
import { quote } from '../files/quote.js'
import { type OpenFile, readExactly, withFile } from '../files/read-file.js'

// Layout: u64 N, little-endian · N bytes of JSON · the data.
// Header: {"name": {"dtype": "BF16", "shape": [2, 3], "data_offsets": [begin, end]}, ..., "__metadata__": {string: string}}

/** Types that the format knows, by their names in a file, with bits per number. */
const bitsOf = {
  BOOL: 8,
  F4: 4,
  F6_E2M3: 6,
  F6_E3M2: 6,
  U8: 8,
  I8: 8,
  F8_E5M2: 8,
  F8_E4M3: 8,
  F8_E8M0: 8,
  F8_E4M3FNUZ: 8,
  F8_E5M2FNUZ: 8,
  I16: 16,
  U16: 16,
  F16: 16,
  BF16: 16,
  I32: 32,
  U32: 32,
  F32: 32,
  C64: 64,
  F64: 64,
  I64: 64,
  U64: 64,
} as const

/** A type's name as it stands in a file. */
export type StoredDtype = keyof typeof bitsOf

/** Where a tensor lies in its file. */
export interface StoredTensor {
  name: string
  dtype: StoredDtype
  /** Row-major; `[]` is a scalar, and a dimension may be 0. */
  shape: number[]
  /** From the start of the file, in bytes. Not aligned to anything. */
  offset: number
  bytes: number
}

/** What the header of a .safetensors file says. */
export interface SafetensorsHeader {
  path: string
  /** Size of the whole file. */
  bytes: number
  /** In the order of their data. */
  tensors: Map<string, StoredTensor>
  metadata: Map<string, string>
}

/** The format's own bound. */
const maxHeaderBytes = 100_000_000
/** About half a million tensors. */
const maxValues = 4_000_000
const firstPiece = 64 * 1024
const maxU64 = 2n ** 64n - 1n

/**
 * Reads and checks the header of a .safetensors file; the data is not read. What is accepted is what the format's reference
 * implementation accepts: offsets that cover the data from end to end without hole or overlap, sizes that match the shapes.
 *
 * @throws {QuernError} `missing_file`, `read_error`, `truncated`, `header_too_large`, `invalid_header`, `duplicate_name`, `unknown_dtype`,
 * `invalid_offsets`, `overflow`, `size_mismatch`.
 * @example
 * ```ts
 * const { tensors } = await readSafetensorsHeader('model.safetensors')
 * tensors.get('model.norm.weight')?.shape // [2560]
 * ```
 */
export async function readSafetensorsHeader(path: string): Promise<SafetensorsHeader> {
  return withFile(path, async (file) => {
    const json = await readHeaderBytes(file)
    const { entries, metadata } = readEntries(path, parseHeader(path, json))
    const dataStart = 8 + json.byteLength
    return {
      path,
      bytes: file.bytes,
      tensors: placeTensors(path, entries, dataStart, file.bytes - dataStart),
      metadata,
    }
  })
}

async function readHeaderBytes(file: OpenFile): Promise<Buffer> {
  const { path, bytes } = file
  if (bytes < 8) throw damage('truncated', path, `${bytes} bytes, a header's length alone takes 8`)
  const declared = (await readExactly(file, 0, 8)).readBigUInt64LE()
  if (declared > maxHeaderBytes) {
    throw damage(
      'header_too_large',
      path,
      `the header claims ${declared} bytes, at most ${maxHeaderBytes} are allowed`,
    )
  }
  const length = Number(declared)
  if (8 + length > bytes) {
    throw damage('truncated', path, `the header claims ${length} bytes, ${bytes - 8} are left in the file`)
  }
  // A look at the beginning spares reading 100 MB of something else.
  const first = await readExactly(file, 8, Math.min(length, firstPiece))
  if (!/^[ \t\r\n]*\{/.test(first.toString('latin1'))) {
    throw damage('invalid_header', path, `the header does not begin with '{'`)
  }
  if (first.byteLength === length) return first
  return Buffer.concat([first, await readExactly(file, 8 + firstPiece, length - firstPiece)])
}

function parseHeader(path: string, json: Buffer): JsonObject {
  try {
    const header = parseJson(json, { maxBytes: maxHeaderBytes, maxDepth: 8, maxValues })
    if (header instanceof Map) return header
  } catch (error) {
    if (!(error instanceof JsonError)) throw error
    if (error.kind === 'duplicate' && error.depth === 1) throw damage('duplicate_name', path, error.message)
    throw damage('invalid_header', path, `the header is no valid JSON: ${error.message}`)
  }
  throw damage('invalid_header', path, 'the header is not an object')
}

/** A tensor's entry with the numbers as they stand, perhaps beyond 2^53. */
interface Entry {
  name: string
  dtype: StoredDtype
  shape: (number | bigint)[]
  begin: number | bigint
  end: number | bigint
}

function readEntries(path: string, header: JsonObject): { entries: Entry[]; metadata: Map<string, string> } {
  const entries: Entry[] = []
  const metadata = new Map<string, string>()
  for (const [name, value] of header) {
    if (!(value instanceof Map))
      throw damage('invalid_header', path, `${quote(name)} is ${quote(value)}, not an object`)
    if (name !== '__metadata__') {
      entries.push(readEntry(path, name, value))
      continue
    }
    for (const [key, text] of value) {
      if (typeof text !== 'string')
        throw damage('invalid_header', path, `__metadata__.${quote(key)} is ${quote(text)}, not a string`)
      metadata.set(key, text)
    }
  }
  return { entries, metadata }
}

function readEntry(path: string, name: string, fields: JsonObject): Entry {
  const dtype = fields.get('dtype')
  if (typeof dtype !== 'string') {
    throw damage('invalid_header', path, `tensor ${quote(name)}: dtype is ${quote(dtype)}, not a string`)
  }
  if (!Object.hasOwn(bitsOf, dtype)) {
    throw damage('unknown_dtype', path, `tensor ${quote(name)}: ${quote(dtype)} is no type of this format`)
  }
  const shape = unsignedList(path, name, 'shape', fields.get('shape'))
  const [begin, end, ...more] = unsignedList(path, name, 'data_offsets', fields.get('data_offsets'))
  if (begin === undefined || end === undefined || more.length > 0) {
    throw damage('invalid_header', path, `tensor ${quote(name)}: data_offsets has not two numbers`)
  }
  return { name, dtype: dtype as StoredDtype, shape, begin, end }
}

function unsignedList(
  path: string,
  name: string,
  field: string,
  value: JsonValue | undefined,
): (number | bigint)[] {
  if (!Array.isArray(value)) {
    throw damage('invalid_header', path, `tensor ${quote(name)}: ${field} is ${quote(value)}, not a list`)
  }
  for (const item of value) {
    if (!isUnsigned(item)) {
      throw damage(
        'invalid_header',
        path,
        `tensor ${quote(name)}: ${field} has ${quote(item)}, no unsigned 64-bit integer`,
      )
    }
  }
  return value as (number | bigint)[]
}

function isUnsigned(value: JsonValue): boolean {
  if (typeof value === 'bigint') return value >= 0n && value <= maxU64
  return Number.isSafeInteger(value) && (value as number) >= 0 && !Object.is(value, -0)
}

/** Checks that the tensors cover the data exactly, each with the bytes that its shape needs. */
function placeTensors(
  path: string,
  entries: Entry[],
  dataStart: number,
  dataBytes: number,
): Map<string, StoredTensor> {
  entries.sort((a, b) => compare(a.begin, b.begin) || compare(a.end, b.end))
  const tensors = new Map<string, StoredTensor>()
  let covered = 0
  for (const { name, dtype, shape, begin, end } of entries) {
    const label = `tensor ${quote(name)}`
    if (begin !== covered || end < begin) {
      throw damage(
        'invalid_offsets',
        path,
        `${label}: data_offsets are [${begin}, ${end}], expected to begin at ${covered}`,
      )
    }
    if (typeof end === 'bigint') {
      throw damage('invalid_offsets', path, `${label}: ends at ${end}, the data has ${dataBytes} bytes`)
    }
    const bytes = storedBytes(path, label, dtype, shape)
    if (end > dataBytes) {
      // With the right size it is the data that is missing; otherwise it is the offsets that are wrong.
      throw damage(
        bytes === end - begin ? 'truncated' : 'invalid_offsets',
        path,
        `${label}: ends at ${end}, the data has ${dataBytes} bytes`,
      )
    }
    if (bytes !== end - begin) {
      throw damage(
        'size_mismatch',
        path,
        `${label}: ${dtype} ${quote(shape)} takes ${bytes} bytes, data_offsets give it ${end - begin}`,
      )
    }
    tensors.set(name, { name, dtype, shape: shape.map(Number), offset: dataStart + begin, bytes })
    covered = end
  }
  if (covered !== dataBytes) {
    throw damage('size_mismatch', path, `${dataBytes - covered} bytes of data after the last tensor`)
  }
  return tensors
}

function storedBytes(path: string, label: string, dtype: StoredDtype, shape: (number | bigint)[]): number {
  let bits: number = bitsOf[dtype]
  for (const dimension of shape) {
    bits *= Number(dimension)
    if (typeof dimension === 'bigint' || bits > Number.MAX_SAFE_INTEGER) {
      throw damage('overflow', path, `${label}: no file holds ${dtype} ${quote(shape)}`)
    }
  }
  if (bits % 8 !== 0) {
    throw damage(
      'size_mismatch',
      path,
      `${label}: ${dtype} ${quote(shape)} takes ${bits} bits, no whole number of bytes`,
    )
  }
  return bits / 8
}

function compare(a: number | bigint, b: number | bigint): number {
  return a < b ? -1 : a > b ? 1 : 0
}

function damage(code: QuernErrorCode, path: string, reason: string): QuernError {
  return new QuernError(code, `${path}: ${reason}`, { value: path })
}
