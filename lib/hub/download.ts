import { rename } from 'node:fs/promises'
import { QuernError } from '../errors.js'
import type { RepoCache } from './cache.js'
import { matches } from './checksum.js'
import type { Answer, HubClient } from './client.js'
import type { HubLimits } from './limits.js'
import type { RemoteFile } from './listing.js'
import { takeLock } from './lock.js'
import { PartialFile } from './partial-file.js'
import { Transient } from './retry.js'
import type { Span } from './spans.js'
import { RangesIgnored } from './status.js'

/** All that fetching files takes. */
export interface Downloads {
  client: HubClient
  cache: RepoCache
  limits: HubLimits
  signal: AbortSignal
  /** Bytes that came over the network. */
  received: number
}

/**
 * Brings a file's contents into the cache, unless they are there, and checks them. What is already there of them is not fetched again,
 * whoever has begun; contents that are not what the hub announced are thrown away and fetched once more.
 *
 * @throws {QuernError} `hub_checksum` and what `HubClient` throws.
 */
export async function downloadBlob(
  file: RemoteFile,
  path: string,
  downloads: Downloads,
  onLoaded: (bytes: number) => void,
): Promise<void> {
  const { cache, limits, signal } = downloads
  const blob = cache.blob(file.hash)
  const isThere = async () => (await cache.blobBytes(file.hash)) === file.bytes
  await cache.prepare()
  const lock = await takeLock(cache.lock(file.hash), limits, signal, isThere)
  if (lock === undefined) return onLoaded(file.bytes)
  try {
    const partial = await PartialFile.open(cache.partial(file.hash), file.bytes)
    try {
      await fill(partial, file, path, downloads, onLoaded)
      await partial.sync()
      await rename(partial.path, blob)
      await partial.remove()
    } finally {
      await partial.close()
    }
    onLoaded(file.bytes)
  } finally {
    await lock.release()
  }
}

async function fill(
  partial: PartialFile,
  file: RemoteFile,
  path: string,
  downloads: Downloads,
  onLoaded: (bytes: number) => void,
): Promise<void> {
  for (let left = 2; left > 0; left--) {
    onLoaded(partial.loaded)
    await fetchMissing(partial, path, downloads, onLoaded)
    if (await matches(partial.handle, file, downloads.signal)) return
    await partial.reset()
  }
  await partial.remove()
  throw new QuernError(
    'hub_checksum',
    `${downloads.client.endpoint}${path}: twice, what came was not the file with the hash ${file.hash} that the hub announced; a proxy may change it, or the file on the hub is damaged`,
    { value: file.hash },
  )
}

async function fetchMissing(
  partial: PartialFile,
  path: string,
  downloads: Downloads,
  onLoaded: (bytes: number) => void,
): Promise<void> {
  const { segmentBytes, connections } = downloads.limits
  // Hubs count requests: few for a large file, but enough of a small one for all connections.
  const segments = cut(partial.missing(), Math.max(segmentBytes, Math.ceil(partial.bytes / 32)))
  const stop = new AbortController()
  const worker = async () => {
    for (const span of segments) await fetchSpan(partial, span, path, downloads, stop.signal, onLoaded)
  }
  const workers = Array.from({ length: connections }, () =>
    worker().catch((error) => {
      stop.abort(error)
      throw error
    }),
  )
  await Promise.allSettled(workers)
  if (stop.signal.reason instanceof RangesIgnored) {
    await downloads.client.retry(downloads.signal, async () => {
      await partial.reset()
      await fetchOnce(partial, { start: 0, end: partial.bytes }, path, downloads, downloads.signal, onLoaded)
    })
  } else if (stop.signal.aborted) throw stop.signal.reason
}

/** One after the other: the announced size may be a lie, and a list of all segments of it long. */
function* cut(gaps: readonly Span[], length: number): Generator<Span> {
  for (const { start, end } of gaps) {
    for (let position = start; position < end; position += length)
      yield { start: position, end: Math.min(position + length, end) }
  }
}

/** Fetches a span with as many requests as it takes; each asks for what the ones before did not bring. */
async function fetchSpan(
  partial: PartialFile,
  { start, end }: Span,
  path: string,
  downloads: Downloads,
  stopped: AbortSignal,
  onLoaded: (bytes: number) => void,
): Promise<void> {
  const signal = AbortSignal.any([downloads.signal, stopped])
  let position = start
  // Some hosts answer with less than they are asked for.
  while (position < end) {
    await downloads.client.retry(signal, async (progressed) => {
      await fetchOnce(partial, { start: position, end }, path, downloads, signal, (loaded, at) => {
        // A byte at a time is no progress: a hub could keep us busy for ever.
        if (at - position >= downloads.limits.writeBytes) progressed()
        position = at
        onLoaded(loaded)
      })
    })
  }
}

/** One request. Calls `onWritten` with how much of the file is there, and up to where the span is. */
async function fetchOnce(
  partial: PartialFile,
  wanted: Span,
  path: string,
  downloads: Downloads,
  signal: AbortSignal,
  onWritten: (loaded: number, position: number) => void,
): Promise<void> {
  const { client, limits } = downloads
  const { start } = wanted
  const isWhole = start === 0 && wanted.end === partial.bytes
  const headers: Record<string, string> = isWhole ? {} : { range: `bytes=${start}-${wanted.end - 1}` }
  let { end } = wanted
  let position = start
  let pieces: Uint8Array[] = []
  let gathered = 0
  const flush = async () => {
    if (gathered === 0) return
    const data = Buffer.concat(pieces, gathered)
    pieces = []
    gathered = 0
    await partial.write(position, data)
    position += data.byteLength
    onWritten(partial.loaded, position)
  }
  await client.send({ path, headers }, signal, async (answer) => {
    const file = { bytes: partial.bytes, where: `${client.endpoint}${path}`, leastBytes: limits.writeBytes }
    end = answeredEnd(answer, wanted, file)
    try {
      for await (const piece of answer.body) {
        downloads.received += piece.byteLength
        const needed = piece.subarray(0, end - position - gathered)
        pieces.push(needed)
        gathered += needed.byteLength
        if (gathered >= limits.writeBytes) await flush()
        if (position + gathered >= end) break
      }
    } finally {
      await flush()
    }
  })
  if (position < end) {
    throw new Transient(
      new QuernError(
        'hub_unavailable',
        `${client.endpoint}${path}: the answer ended at byte ${position}, expected ${end}; try again later`,
        { value: position },
      ),
    )
  }
}

/** Of the file that is fetched. */
interface Asked {
  bytes: number
  /** Its address. */
  where: string
  /** A part that is shorter than was asked for, and than this, is not worth a request. */
  leastBytes: number
}

/**
 * Up to where an answer brings what was asked for. The hash of the whole is checked anyway, so a host that is vague about parts, as mirrors
 * are, is asked for all of the file instead.
 */
function answeredEnd({ status, headers }: Answer, { start, end }: Span, asked: Asked): number {
  const { bytes, where, leastBytes } = asked
  const isWhole = start === 0 && end === bytes
  const refuse = (expected: string, came: string) =>
    new Transient(
      new QuernError(
        'hub_checksum',
        `${where}: expected ${expected}, got ${came}; a proxy may change it, or the file on the hub is damaged`,
        { value: came },
      ),
    )
  if (status === 200) {
    if (!isWhole) throw new RangesIgnored()
    const length = headers.get('content-length')
    if (length === null || Number(length) === bytes) return end
    throw refuse(`${bytes} bytes, as the hub announced`, `${length} bytes`)
  }
  const range = headers.get('content-range') ?? ''
  const [, first, last, total] = /^\s*bytes[ =]+(\d+)-(\d+)\/(\d+|\*)\s*$/i.exec(range) ?? []
  if (total !== undefined && total !== '*' && Number(total) !== bytes)
    throw refuse(JSON.stringify(`bytes ${start}-${end - 1}/${bytes}`), JSON.stringify(range))
  if (isWhole) return end
  const answered = Math.min(Number(last) + 1, end)
  const isPart = Number(first) === start && (answered === end || answered - start >= leastBytes)
  if (isPart) return answered
  throw new RangesIgnored()
}
