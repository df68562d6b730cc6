import type { Logger } from './log/logger.js'

/** What a server does, with every default filled in. */
export interface Settings {
  /** Bytes of a request's body that are read at most. */
  maxBodyBytes: number
  /** Milliseconds that a request may take; undefined: as long as it takes. */
  timeoutMs: number | undefined
  /** Tokens that a request may generate at most; undefined: what the context has room for. */
  maxTokens: number | undefined
  /** Milliseconds between comments on a stream that is silent. */
  keepAliveMs: number
  /** Milliseconds after which a client that takes nothing of its stream is given up. */
  stallMs: number
  /** Milliseconds that running requests have to end when the app is closed. */
  graceMs: number
  /** One of them must come with a request; undefined: none has to. */
  apiKeys: readonly string[] | undefined
  /** Origins whose pages may read what is answered; '*': all. */
  cors: readonly string[]
  /** The names that requests may give the server; undefined: any. */
  allowedHosts: readonly string[] | undefined
  /** Whether the page is served. */
  hasPage: boolean
  logger: Logger
}
