// The format of a session's file. Integers are little-endian.
//
//   8  bytes  the word "quernses"
//   4         format version, 2
//   4         length of the header
//   ...       header, JSON: SessionHeader
//   32        SHA-256 of all bytes before
//   for each page of the KV cache that the next token sees, by position, then by group of layers:
//     ...     the page, header.pageBytes bytes: for each layer its keys, then its values
//     32      SHA-256 of all bytes before
//
// Version 1, whose header has no `positions`, is read as far as its messages go.
//
// The last checksum is that of the whole file. Those between let a reader use each page as soon as it has it.
import { createHash } from 'node:crypto'
import { checkMessages } from '../chat/check-messages.js'
import type { ChatMessage } from '../chat/messages.js'
import { QuernError } from '../errors.js'
import { pagePositions } from '../native/constants.js'

export const magic = 'quernses'
export const formatVersion = 2
export const startBytes = 16
export const checksumBytes = 32
/** Far more than any conversation. */
export const maxHeaderBytes = 64 * 1024 * 1024

export interface SessionHeader {
  /** ModelIdentity.fingerprint */
  model: string
  /** ModelIdentity.source, for people. */
  source: string
  /** ModelIdentity.arithmetic: pages are of use where it is equal. */
  arithmetic: string
  messages: readonly ChatMessage[]
  /** The tokens of the messages; the pages are what a model needs to go on from the first `positions` of them. */
  tokens: number[]
  positions: number
  pages: number
  pageBytes: number
}

/** SHA-256 of all that has passed, at any time. */
export class RunningChecksum {
  readonly #hash = createHash('sha256')

  update(bytes: Uint8Array): this {
    this.#hash.update(bytes)
    return this
  }

  /** Of everything so far; what follows counts on, this checksum included. */
  take(): Buffer {
    const checksum = this.#hash.copy().digest()
    this.#hash.update(checksum)
    return checksum
  }
}

/** Everything before the first checksum. */
export function headerBytes(header: SessionHeader): Buffer {
  const json = writeJson(header)
  if (json.length > maxHeaderBytes) {
    throw new QuernError(
      'invalid_input',
      `the messages take ${json.length} bytes, a session file holds ${maxHeaderBytes} at most`,
      { value: json.length },
    )
  }
  const start = Buffer.alloc(startBytes)
  start.write(magic, 'latin1')
  start.writeUInt32LE(formatVersion, 8)
  start.writeUInt32LE(json.length, 12)
  return Buffer.concat([start, json])
}

function writeJson(header: SessionHeader): Buffer {
  try {
    return Buffer.from(JSON.stringify(header))
  } catch (cause) {
    // A bigint, or more than a text can hold.
    throw new QuernError(
      'invalid_input',
      `the messages cannot be saved as JSON: ${(cause as Error).message}`,
      { cause },
    )
  }
}

/** The length of the header and the version of the format, from a file's first 16 bytes. */
export function headerStart(start: Buffer, fileBytes: number): { length: number; version: number } {
  if (start.length < startBytes || start.toString('latin1', 0, 8) !== magic)
    throw invalid('it is no session of quern')
  const version = start.readUInt32LE(8)
  if (version < 1 || version > formatVersion)
    throw invalid(`it has format version ${version}, this quern reads versions up to ${formatVersion}`)
  const length = start.readUInt32LE(12)
  if (length > maxHeaderBytes || startBytes + length + checksumBytes > fileBytes)
    throw invalid(`its header claims ${length} bytes, the file has ${fileBytes}`)
  return { length, version }
}

/** A header whose checksum is right; nothing else about it is taken for granted. */
export function checkHeader(
  value: unknown,
  version: number,
  headerEnd: number,
  fileBytes: number,
): SessionHeader {
  const header = (value ?? {}) as Partial<Record<keyof SessionHeader, unknown>>
  const texts = [header.model, header.source, header.arithmetic]
  if (!texts.every((text) => typeof text === 'string'))
    throw invalid('its header does not say what it belongs to')
  const { messages, tokens, pages, pageBytes } = header
  const positions = version === 1 && isCount(pages) ? pages * pagePositions : header.positions
  if (!Array.isArray(messages)) throw invalid('its messages are no array')
  try {
    if (messages.length > 0) checkMessages(messages)
  } catch (cause) {
    throw invalid((cause as Error).message, cause)
  }
  const isToken = (token: unknown) =>
    Number.isInteger(token) && (token as number) >= 0 && (token as number) < 2 ** 31
  if (!Array.isArray(tokens) || !tokens.every(isToken)) throw invalid('its tokens are no token ids')
  if (!isCount(pages) || !isCount(pageBytes) || !isCount(positions) || positions > tokens.length)
    throw invalid('it claims more pages than tokens')
  const expected = headerEnd + checksumBytes + pages * (pageBytes + checksumBytes)
  if (expected !== fileBytes) throw invalid(`it has ${fileBytes} bytes, its header says ${expected}`)
  return { ...(header as SessionHeader), positions }
}

/** What is wrong with a file; loadSession() adds which. */
export function invalid(why: string, cause?: unknown): QuernError {
  return new QuernError('invalid_session', `no session that can be used: ${why}`, { cause })
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0
}
