import { z } from 'zod'
import { Model, QuernError } from '../index.js'
import { nearestName } from '../nearest-name.js'
import { issueWords } from './issue-words.js'
import { type LogFormat, type Logger, loggerOf } from './log/logger.js'
import type { ModelSource } from './served-model.js'
import type { Settings } from './settings.js'

/**
 * What an app serves, and how.
 *
 * @example
 * ```ts
 * const model = await load('Qwen/Qwen3-0.6B')
 * const app = createApp({ models: { 'qwen3-0.6b': model }, maxTokens: 1024 })
 * ```
 */
export interface AppOptions {
  /**
   * What is served, by the names that requests give; the first serves requests that name none. A loaded `Model` stays its owner's; a source
   * is loaded when it is first asked for.
   */
  models: Record<string, Model | ModelSource>
  /** Tokens that a request may generate at most. Default: what the context has room for. */
  maxTokens?: number | undefined
  /** Seconds that a request may take. Default: as long as it takes. */
  timeout?: number | undefined
  /** Bytes of a request's body that are read at most. Default: 4 MiB. */
  maxBodyBytes?: number | undefined
  /** One of them must come with each request, but for `/health` and `/ready`. Default: none has to. */
  apiKeys?: readonly string[] | undefined
  /** Origins whose web pages may read what is answered, such as `https://example.com`; `*`: all. Default: none. */
  cors?: readonly string[] | undefined
  /**
   * The names by which requests may call the server, without a port. Default: any; of `serve()` on a loopback address `localhost`, `127.0.0.1`
   * and `[::1]`, to which those given here are added.
   */
  allowedHosts?: readonly string[] | undefined
  /** Whether the page to chat in is served at `/`. Default: true. */
  page?: boolean | undefined
  /** Seconds between comments on a stream while nothing comes, which keep proxies from giving it up. Default: 15. */
  keepAlive?: number | undefined
  /** Seconds after which a client that takes nothing of its stream is given up. Default: 120. */
  stall?: number | undefined
  /** Seconds that running requests have to end when the app is closed. Default: 30. */
  grace?: number | undefined
  /**
   * What is written to standard error: `json` or `text`, a line for each request; `errors`, JSON for what went wrong here; `off`. Or a logger of
   * yours. Default: `errors`.
   */
  log?: LogFormat | Logger | undefined
}

const longest = 2 ** 31 / 1e3 // what a timer can wait
const seconds = z.number().min(0.001).max(longest)
const words = (what: string) => z.array(z.string().regex(/^[\x21-\x7e]+$/, `expected ${what}`))
const origin = z.union([
  z.literal('*'),
  z.string().regex(/^[a-z][a-z0-9+.-]*:\/\/[^/\s]+$/i, 'expected * or an origin such as https://example.com'),
])

const modelSource = z.strictObject({
  source: z.string().optional(),
  options: z.custom<object>((value) => typeof value === 'object' && value !== null).optional(),
  unloadAfter: seconds.optional(),
})

const servedModel = z.union([z.instanceof(Model), modelSource], {
  error: 'expected a loaded Model, or one to load, as { source, options, unloadAfter }',
})

/** What each of them must be. */
export const appOptionShape = {
  models: z
    .record(z.string().min(1).max(200), servedModel)
    .refine((models) => Object.keys(models).length > 0, 'expected a model at least'),
  maxTokens: z.int().min(1).optional(),
  timeout: seconds.optional(),
  maxBodyBytes: z
    .int()
    .min(1)
    .max(2 ** 30)
    .optional(),
  apiKeys: words('keys of printable ASCII, without spaces').min(1).optional(),
  cors: z.array(origin).optional(),
  allowedHosts: words('names without spaces').optional(),
  page: z.boolean().optional(),
  keepAlive: seconds.optional(),
  stall: seconds.optional(),
  grace: z.number().min(0).max(longest).optional(),
  log: z
    .union([
      z.enum(['json', 'text', 'errors', 'off']),
      z.custom<Logger>(isLogger, 'expected a logger with info(), warn() and error()'),
    ])
    .optional(),
}

/** What the options mean, with the defaults filled in. */
export function settingsOf(options: AppOptions): Settings {
  const { timeout, maxBodyBytes = 4 * 1024 * 1024, keepAlive = 15, stall = 120, grace = 30 } = options
  return {
    maxBodyBytes,
    timeoutMs: timeout === undefined ? undefined : 1e3 * timeout,
    maxTokens: options.maxTokens,
    keepAliveMs: 1e3 * keepAlive,
    stallMs: 1e3 * stall,
    graceMs: 1e3 * grace,
    apiKeys: options.apiKeys,
    cors: options.cors ?? [],
    allowedHosts: options.allowedHosts,
    hasPage: options.page ?? true,
    logger: loggerOf(options.log ?? 'errors'),
  }
}

/**
 * Throws unless the options are what they must be.
 *
 * @throws {QuernError} `invalid_option`; `unsupported_option` for one that the call does not have.
 */
export function checkOptions(call: string, options: unknown, shape: z.ZodRawShape): void {
  const issue = z.strictObject(shape).safeParse(options, { error: issueWords }).error?.issues[0]
  if (!issue) return
  const path = issue.path.map(String).join('.')
  if (issue.code !== 'unrecognized_keys') {
    const message = `${call}: ${path}${path && ': '}${issue.message}`
    throw new QuernError('invalid_option', message, { value: options })
  }
  const names = Object.keys(shape)
  const unknown = issue.keys[0] as string
  const meant = path === '' ? nearestName(unknown, names) : undefined
  const hint = meant === undefined ? '.' : `: did you mean '${meant}'?`
  const known = path === '' ? ` It has ${names.join(', ')}` : ''
  throw new QuernError(
    'unsupported_option',
    `${call}() has no option '${path}${path && '.'}${unknown.slice(0, 80)}'${hint}${known}`,
    { value: unknown },
  )
}

function isLogger(value: unknown): boolean {
  const { info, warn, error } = Object(value) as Partial<Logger>
  return [info, warn, error].every((method) => typeof method === 'function')
}
