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
}

export const defaultSettings: Settings = {
  maxBodyBytes: 4 * 1024 * 1024,
  timeoutMs: undefined,
  maxTokens: undefined,
  keepAliveMs: 15_000,
}
