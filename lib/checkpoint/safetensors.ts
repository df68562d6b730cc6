import { QuernError, type QuernErrorCode } from '../errors.js'
import { JsonError, type JsonObject, type JsonValue, parseJsonPieces } from '../files/json.js'
import { quote } from '../files/quote.js'
import { type OpenFile, readExactly, readPieces, withFile } from '../files/read-file.js'
import { inTurns, type Steps } from '../files/steps.js'

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
/** About a quarter of a million tensors; the largest models have less than half of that. */
const maxValues = 4_000_000
const firstPiece = 64 * 1024
/** Tensors between two looks at the clock. */
const stepEntries = 1024
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
    const dataStart = 8 + (await readHeaderLength(file))
    const { entries, metadata } = await readEntries(file, dataStart)
    const tensors = await inTurns(placeTensors(path, entries, dataStart, file.bytes - dataStart))
    return { path, bytes: file.bytes, tensors, metadata }
  })
}

/**
 * How many of a file's bytes are its header, by its first ones. A length that makes no sense is for `readSafetensorsHeader` to complain
 * about: then as many as were given.
 */
export function headerBytes(start: Buffer, bytes: number): number {
  const length = start.byteLength < 8 ? 0 : Number(start.readBigUInt64LE())
  return length > maxHeaderBytes || 8 + length > bytes ? start.byteLength : 8 + length
}

async function readHeaderLength(file: OpenFile): Promise<number> {
  const { path, bytes } = file
  if (bytes < 8) throw damage('truncated', path, `${bytes} bytes, a header's length alone takes 8`)
  const start = await readExactly(file, 0, 8)
  const declared = start.readBigUInt64LE()
  if (declared > maxHeaderBytes) {
    const text = start.toString('latin1')
    const hint = /^[\t\n\r -~]{8}$/.test(text)
      ? `; it begins with the text ${quote(text)}, so something else was saved in its place`
      : ''
    throw damage(
      'header_too_large',
      path,
      `the header claims ${declared} bytes, at most ${maxHeaderBytes} are allowed${hint}`,
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
  return length
}

/** A tensor's entry with the numbers as they stand, perhaps beyond 2^53. */
interface Entry {
  name: string
  dtype: StoredDtype
  shape: (number | bigint)[]
  begin: number | bigint
  end: number | bigint
}

/** Each entry is taken as it comes: a header of 100 MB never is in memory as a whole. */
async function readEntries(
  file: OpenFile,
  dataStart: number,
): Promise<{ entries: Map<string, Entry>; metadata: Map<string, string> }> {
  const { path } = file
  const entries = new Map<string, Entry>()
  let metadata: Map<string, string> | undefined
  const onMember = (name: string, value: JsonValue) => {
    if (entries.has(name) || (name === '__metadata__' && metadata !== undefined))
      throw damage('duplicate_name', path, `the key ${quote(name)} is there twice`)
    // null says as much as nothing there, and nowhere else.
    const fields = name === '__metadata__' && value === null ? new Map() : value
    if (!(fields instanceof Map))
      throw damage('invalid_header', path, `${quote(name)} is ${quote(value)}, not an object`)
    if (name === '__metadata__') metadata = readMetadata(path, fields)
    else entries.set(name, readEntry(path, name, fields))
  }
  try {
    const limits = { maxBytes: maxHeaderBytes, maxDepth: 8, maxValues }
    await parseJsonPieces(readPieces(file, 8, dataStart), { ...limits, onMember })
  } catch (error) {
    if (!(error instanceof JsonError)) throw error
    throw damage('invalid_header', path, `the header is no valid JSON: ${error.message}`)
  }
  return { entries, metadata: metadata ?? new Map() }
}

function readMetadata(path: string, fields: JsonObject): Map<string, string> {
  const metadata = new Map<string, string>()
  for (const [key, text] of fields) {
    if (typeof text !== 'string')
      throw damage('invalid_header', path, `__metadata__.${quote(key)} is ${quote(text)}, not a string`)
    metadata.set(key, text)
  }
  return metadata
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

/**
 * Checks that the tensors cover the data exactly, each with the bytes that its shape needs. From each tensor's end it looks up the one that
 * begins there, which takes time in proportion to their number, in whatever order they stand.
 */
function* placeTensors(
  path: string,
  entries: Map<string, Entry>,
  dataStart: number,
  dataBytes: number,
): Steps<Map<string, StoredTensor>> {
  const beginningAt = new Map<string, Entry[]>()
  let seen = 0
  for (const entry of entries.values()) {
    const others = beginningAt.get(placeOf(entry.begin))
    if (others === undefined) beginningAt.set(placeOf(entry.begin), [entry])
    else others.push(entry)
    if (++seen % stepEntries === 0) yield
  }
  const tensors = new Map<string, StoredTensor>()
  let covered = 0
  while (tensors.size < entries.size) {
    const here = beginningAt.get(placeOf(covered)) ?? []
    beginningAt.delete(placeOf(covered))
    // Those without bytes come before the one with bytes: there can be one only.
    const wide = here.filter(({ end }) => end !== covered)
    const next = firstOf(wide)
    const before = wide.length === 0 ? here : here.filter(({ end }) => end === covered)
    for (const entry of next === undefined ? before : [...before, next]) {
      const tensor = placeTensor(path, entry, dataStart, dataBytes)
      tensors.set(tensor.name, tensor)
      if (tensors.size % stepEntries === 0) yield
    }
    if (next !== undefined) covered = Number(next.end)
    if (wide.length > 1) throw misplaced(path, firstOf(wide.filter((entry) => entry !== next)), covered)
    if (here.length === 0) throw misplaced(path, firstOf([...beginningAt.values()].flat()), covered)
  }
  if (covered !== dataBytes) {
    throw damage('size_mismatch', path, `${dataBytes - covered} bytes of data after the last tensor`)
  }
  return tensors
}

/**
 * An offset as a key: as a text, whose hash has a secret in it. That of a number has none, so offsets can be chosen that all hash alike, and
 * then each look-up walks through all of them. The letter keeps it from being taken for a number once more.
 */
function placeOf(offset: number | bigint): string {
  return `@${offset}`
}

/** Checks one tensor; gives where it lies in the file. */
function placeTensor(path: string, entry: Entry, dataStart: number, dataBytes: number): StoredTensor {
  const { name, dtype, shape, begin, end } = entry
  const label = `tensor ${quote(name)}`
  if (end < begin) throw misplaced(path, entry, Number(begin))
  if (typeof end === 'bigint' || typeof begin === 'bigint') {
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
  return { name, dtype, shape: shape.map(Number), offset: dataStart + begin, bytes }
}

/** Of tensors, the one that begins first, and of several the one that ends first. */
function firstOf(entries: readonly Entry[]): Entry | undefined {
  let least: Entry | undefined
  for (const entry of entries) {
    const order =
      least === undefined ? -1 : compare(entry.begin, least.begin) || compare(entry.end, least.end)
    if (order < 0) least = entry
  }
  return least
}

function misplaced(path: string, entry: Entry | undefined, expected: number): QuernError {
  return damage(
    'invalid_offsets',
    path,
    `tensor ${quote(entry?.name)}: data_offsets are [${entry?.begin}, ${entry?.end}], expected to begin at ${expected}`,
  )
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
