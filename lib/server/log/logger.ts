import { isOfDevice } from '../of-device.js'

/**
 * Where a server writes what happens: a logger of yours, such as pino's. It is called with what a request was, or what became of a model, as
 * an object, and a line that says the same to people.
 *
 * @example
 * ```ts
 * const log: Logger = { info() {}, warn: (fields, line) => console.warn(line, fields), error: (fields, line) => console.error(line, fields) }
 * const app = createApp({ models: { demo: {} }, log })
 * ```
 */
export interface Logger {
  info(fields: object, line: string): void
  /** Of what a client did wrong. */
  warn(fields: object, line: string): void
  /** Of what went wrong here, with the error itself in `fields.error`. */
  error(fields: object, line: string): void
}

/**
 * How much a server writes to standard error by itself: a line of JSON or a readable one for each request, JSON of what went wrong here alone,
 * or nothing.
 *
 * @example
 * ```ts
 * const log: LogFormat = process.stderr.isTTY ? 'text' : 'json'
 * ```
 */
export type LogFormat = 'json' | 'text' | 'errors' | 'off'

const nothing = () => {}

/** What writes so. */
export function loggerOf(log: Logger | LogFormat, write = writeToStandardError): Logger {
  if (typeof log === 'object') return log
  if (log === 'off') return { info: nothing, warn: nothing, error: nothing }
  const line = (level: string) => (log === 'text' ? textLine(level, write) : jsonLine(level, write))
  const all = log !== 'errors'
  return {
    info: all ? line('info') : nothing,
    warn: all ? line('warn') : nothing,
    error: line('error'),
  }
}

function jsonLine(level: string, write: (text: string) => void): Logger['info'] {
  return (fields) => {
    const plain = (_: string, value: unknown) => (value instanceof Error ? describe(value) : value)
    write(`${JSON.stringify({ time: new Date().toISOString(), level, ...fields }, plain)}\n`)
  }
}

function textLine(level: string, write: (text: string) => void): Logger['info'] {
  return (fields, line) => {
    const { error } = fields as { error?: unknown }
    const time = new Date().toTimeString().slice(0, 8)
    const trace = level === 'error' && error instanceof Error ? traceOf(error).split('\n') : []
    write(`${time} ${[line, ...trace].map(harmless).join('\n  ')}\n`)
  }
}

/** On one line, and nothing that a terminal obeys. */
function harmless(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these it does obey
  return text.replace(/[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g, '?')
}

function traceOf(error: Error): string {
  return describe(error).stack ?? `${error.name}: ${error.message}`
}

/** An error as a log has it; where a device failed, the way through this code says nothing. */
function describe(error: Error): { message: string; stack?: string; cause?: unknown } {
  const { message, stack, cause } = error
  return {
    message,
    ...(stack !== undefined && !isOfDevice(error) && { stack }),
    ...(cause !== undefined && { cause: cause instanceof Error ? describe(cause) : String(cause) }),
  }
}

function writeToStandardError(text: string): void {
  process.stderr.write(text)
}
