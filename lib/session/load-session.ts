import { QuernError } from '../errors.js'
import { JsonError, parseJsonPieces } from '../files/json.js'
import { quote } from '../files/quote.js'
import { type OpenFile, readPieces, withFile } from '../files/read-file.js'
import { invalidOption } from '../input/check-option.js'
import { writePages } from './pages.js'
import { transferBytes } from './save-session.js'
import { Session, type SessionOptions } from './session.js'
import {
  checkHeader,
  checksumBytes,
  formatVersion,
  headerStart,
  invalid,
  maxHeaderBytes,
  RunningChecksum,
  type SessionHeader,
  startBytes,
} from './session-file.js'
import type { ModelIdentity, SessionModel } from './session-model.js'

const headerOptions = {
  plain: true,
  dialect: 'python',
  maxBytes: maxHeaderBytes,
  maxDepth: 1000,
  maxValues: 4_000_000,
} as const

/** Characters of it in a message: more than any that is true. */
const mostArithmetic = 300

/** Reads a session's file: all of it is checked before any page of it reaches the model. */
export async function loadSession(
  path: string,
  options: Omit<SessionOptions, 'system' | 'messages'>,
  model: SessionModel,
): Promise<Session> {
  for (const name of ['system', 'messages'] as const) {
    if ((options as SessionOptions)[name] !== undefined)
      throw invalidOption(
        name,
        'it in model.session(): a file has its messages',
        (options as SessionOptions)[name],
      )
  }
  const identity = await model.identity()
  return withFile(path, async (file) => {
    const { header, headerEnd, isOlder } = await checkFile(file)
    if (header.model !== identity.fingerprint) {
      throw new QuernError(
        'session_mismatch',
        `${path}: it is a session of another model, ${quote(header.source)}, whose config or weights are not those of ${quote(identity.source)}`,
        { value: header.source },
      )
    }
    const session = new Session(model, { ...options, messages: header.messages })
    const obstacle = isOlder ? 'an older quern wrote it' : whyPagesDoNotFit(header, identity)
    if (obstacle === undefined) await bringPages(file, header, headerEnd, model, identity.kvGroups)
    else model.onWarning(`${path}: the conversation will be computed anew: ${obstacle}`)
    return session
  }).catch((error) => {
    throw namingFile(path, error)
  })
}

/** The error of a file that cannot be used, which then says what file that is. */
function namingFile(path: string, error: unknown): unknown {
  if (!(error instanceof QuernError) || error.code !== 'invalid_session') return error
  return new QuernError(error.code, `${path}: ${error.message}`, { value: path, cause: error.cause })
}

/** What the file says, if every byte of it is as it was written. */
async function checkFile(
  file: OpenFile,
): Promise<{ header: SessionHeader; headerEnd: number; isOlder: boolean }> {
  const start = await read(file, 0, Math.min(startBytes, file.bytes))
  const { length, version } = headerStart(start, file.bytes)
  const headerEnd = startBytes + length
  const checksum = new RunningChecksum()
  await checkBytes(file, 0, headerEnd, checksum)
  const header = checkHeader(await readHeader(file, headerEnd), version, headerEnd, file.bytes)
  for (let page = 0; page < header.pages; page++) {
    const at = pageOffset(header, headerEnd, page)
    await checkBytes(file, at, at + header.pageBytes, checksum)
  }
  return { header, headerEnd, isOlder: version < formatVersion }
}

/** Adds bytes of a file to a checksum, which must then be what stands behind them. */
async function checkBytes(
  file: OpenFile,
  start: number,
  end: number,
  checksum: RunningChecksum,
): Promise<void> {
  for await (const piece of readPieces(file, start, end)) checksum.update(piece)
  await expectChecksum(file, end, checksum)
}

/** Messages may hold what JavaScript's strings hold, half a surrogate pair too. */
async function readHeader(file: OpenFile, end: number): Promise<unknown> {
  try {
    return await parseJsonPieces(readPieces(file, startBytes, end), headerOptions)
  } catch (error) {
    throw error instanceof JsonError ? invalid(`its header is no JSON: ${error.message}`, error) : error
  }
}

/** Why keys and values of the file are of no use here; undefined: they are. */
function whyPagesDoNotFit(header: SessionHeader, identity: ModelIdentity): string | undefined {
  if (header.pages === 0) return undefined
  if (header.arithmetic !== identity.arithmetic)
    return `it was computed with ${quote(header.arithmetic, mostArithmetic)}; here is ${quote(identity.arithmetic, mostArithmetic)}`
  if (header.pageBytes !== identity.pageBytes || header.tokens.some((token) => token >= identity.vocab))
    throw invalid('its pages are not those of this model')
  if (header.tokens.length > identity.longestSequence)
    return `it has ${header.tokens.length} tokens, the context holds ${identity.longestSequence}`
  return undefined
}

/** Gives the pages to the KV cache, as far as it has room. Each is checked again: files change. */
async function bringPages(
  file: OpenFile,
  header: SessionHeader,
  headerEnd: number,
  model: SessionModel,
  kvGroups: number,
): Promise<void> {
  const { pages, pageBytes } = header
  const part = { tokens: Int32Array.from(header.tokens), positions: header.positions }
  const checksum = new RunningChecksum()
  await checkBytes(file, 0, headerEnd, checksum)
  const atOnce = Math.max(1, Math.floor(transferBytes / pageBytes))
  let left = Buffer.alloc(0) // read, and not taken yet: pages of the same positions come together
  for (let first = 0, end = 0; end < pages; ) {
    const count = Math.min(Math.max(atOnce, kvGroups), pages - end)
    const bytes = Buffer.concat([left, Buffer.alloc(count * pageBytes)])
    for (let i = 0; i < count; i++) {
      const at = pageOffset(header, headerEnd, end + i)
      const page = await read(file, at, pageBytes)
      await expectChecksum(file, at + pageBytes, checksum.update(page))
      page.copy(bytes, left.length + i * pageBytes)
    }
    end += count
    const taken = await writePages(model.pages, part, first, bytes).catch((error) => {
      const isTooMany = error instanceof QuernError && error.code === 'invalid_input'
      throw isTooMany ? invalid('it has more pages than its tokens take', error) : error
    })
    if (end - taken >= kvGroups) return // there is no more room
    left = bytes.subarray((taken - first) * pageBytes)
    first = taken
  }
}

function pageOffset({ pageBytes }: SessionHeader, headerEnd: number, page: number): number {
  return headerEnd + checksumBytes + page * (pageBytes + checksumBytes)
}

async function expectChecksum(file: OpenFile, offset: number, checksum: RunningChecksum): Promise<void> {
  const stored = await read(file, offset, checksumBytes)
  if (!checksum.take().equals(stored)) throw invalid(`its checksum at byte ${offset} is wrong: it is damaged`)
}

async function read({ handle }: OpenFile, offset: number, length: number): Promise<Buffer> {
  const buffer = Buffer.allocUnsafe(length)
  for (let filled = 0; filled < length; ) {
    const { bytesRead } = await handle.read(buffer, filled, length - filled, offset + filled)
    if (bytesRead === 0) throw invalid(`it ends at byte ${offset + filled}`)
    filled += bytesRead
  }
  return buffer
}
