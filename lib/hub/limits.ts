import { statfs } from 'node:fs/promises'

const megabyte = 1024 ** 2

/** How hard to try, and how much to take from a hub that may be broken or hostile. */
export interface HubLimits {
  /** Times that a request is sent before giving up; progress of a download starts the count anew. */
  attempts: number
  /** Before the second attempt; doubled each time, with up to as much again at random. */
  backoffMs: number
  /** The longest pause between attempts. A hub that asks for more gets `hub_rate_limited`. */
  maxWaitMs: number
  /** Without one byte for so long, a connection counts as lost; so it does when the headers of an answer have not come by then. */
  stallMs: number
  /** A connection that brings fewer bytes per second than `minBytesPerSecond`, over so long, counts as lost too. */
  rateMs: number
  minBytesPerSecond: number
  /** The longest wait for all of a small answer: a list of files, a description, a header. */
  answerMs: number
  /** Pauses of at least so long are told about. */
  tellMs: number
  /** Connections at a time. */
  connections: number
  /** Files at a time. */
  files: number
  /** Bytes that one request asks for at least; of a large file it is a 32nd. */
  segmentBytes: number
  /** Bytes gathered before they are written and noted as there. */
  writeBytes: number
  /** How often a lock says that its owner lives; after ten times that in silence it may be taken. */
  heartbeatMs: number
  /** Free bytes of the disk that holds a folder. */
  freeBytes(folder: string): Promise<number>
}

export const defaultLimits: HubLimits = {
  attempts: 6,
  backoffMs: 500,
  maxWaitMs: 60_000,
  stallMs: 20_000,
  rateMs: 10_000,
  minBytesPerSecond: 1024,
  answerMs: 120_000,
  tellMs: 1000,
  connections: 8,
  files: 4,
  segmentBytes: 8 * megabyte,
  writeBytes: megabyte,
  heartbeatMs: 2000,
  async freeBytes(folder) {
    const { bavail, bsize } = await statfs(folder)
    return bavail * bsize
  },
}
