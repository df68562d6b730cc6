import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createAdaptorServer } from '@hono/node-server'
import { z } from 'zod'
import type { ModelInfo } from '../index.js'
import { createApp, type ServerApp } from './app.js'
import { type AppOptions, appOptionShape, checkOptions } from './app-options.js'
import { loopbackHosts } from './guards/host.js'
import { listenError } from './listen-error.js'
import { expectDevices } from './served-model.js'

/**
 * What is served, and where.
 *
 * @example
 * ```ts
 * const options: ServeOptions = { models: { demo: {} }, port: 8080 }
 * ```
 */
export interface ServeOptions extends AppOptions {
  /** Default: 8080. 0: one that is free. */
  port?: number | undefined
  /** The address to listen on. Default: '127.0.0.1', which no other machine reaches. */
  host?: string | undefined
  /** Connections that are open at a time; more are closed at once. Default: 10,000. */
  maxConnections?: number | undefined
  /** Seconds within which the whole of a request must have come, its head within 15. Default: 60. */
  receiveTimeout?: number | undefined
  /** Called for what is odd but no error. Default: `process.emitWarning`. */
  onWarning?: ((message: string) => void) | undefined
}

/**
 * A server that is running.
 *
 * @example
 * ```ts
 * const { url, close }: RunningServer = await serve({ models: { demo: {} } })
 * ```
 */
export interface RunningServer {
  /** Where it is: `http://127.0.0.1:8080`. */
  url: string
  /** As `ServerApp.preload`. */
  preload(): Promise<ModelInfo[]>
  /** Takes no more connections, then as `ServerApp.close`. */
  close(options?: { grace?: number }): Promise<void>
}

const optionShape = {
  ...appOptionShape,
  port: z.int().min(0).max(65_535).optional(),
  host: z.string().min(1).optional(),
  maxConnections: z.int().min(1).optional(),
  receiveTimeout: z.number().min(0.001).max(86_400).optional(),
  onWarning: z.custom<ServeOptions['onWarning']>((value) => typeof value === 'function').optional(),
}

/** Seconds for a request's head: a client that sends it byte by byte holds a connection no longer. */
const longestHead = 15
/** Seconds that a connection may wait for its next request: longer than balancers do, so that they end it and never write into one that ends. */
const idleConnection = 75
/** Milliseconds after which a connection without a word is asked whether anybody is there, by TCP. */
const probeMs = 30_000

/**
 * Serves models over HTTP, as OpenAI's API does.
 *
 * @throws {QuernError} `invalid_option`, `unsupported_option`; `cannot_listen` where the address or the port is not to be had; `no_device`,
 * `device_failed`, `device_mismatch`, `missing_file` where a model's options insist on a GPU that cannot be used.
 * @example
 * ```ts
 * const server = await serve({ models: { demo: {} }, port: 8080 })
 * await fetch(`${server.url}/v1/completions`, {
 *   method: 'POST',
 *   headers: { 'Content-Type': 'application/json' },
 *   body: JSON.stringify({ prompt: 'Once upon a time', max_tokens: 32 }),
 * })
 * await server.close()
 * ```
 */
export async function serve(options: ServeOptions): Promise<RunningServer> {
  checkOptions('serve', options, optionShape)
  const {
    port = 8080,
    host = '127.0.0.1',
    maxConnections = 10_000,
    receiveTimeout = 60,
    onWarning = (message: string) => process.emitWarning(message),
    ...appOptions
  } = options
  const isLocal = isLoopback(host)
  const allowedHosts = isLocal
    ? [...loopbackHosts, host, ...(appOptions.allowedHosts ?? [])]
    : appOptions.allowedHosts
  const app = createApp({ ...appOptions, allowedHosts })
  await expectDevices(appOptions.models)
  const server = httpServer(app, host, 1e3 * receiveTimeout)
  server.maxConnections = maxConnections
  server.listen(port, host)
  try {
    await once(server, 'listening')
  } catch (error) {
    throw await listenError(error as NodeJS.ErrnoException, host, port)
  }
  if (!isLocal && appOptions.apiKeys === undefined) {
    onWarning(`everybody who reaches ${host} may use this server: give it API keys, or listen on 127.0.0.1`)
  }
  const closed = once(server, 'close')
  return {
    url: urlOf(server.address() as AddressInfo),
    preload: () => app.preload(),
    async close(closing) {
      server.close()
      await app.close(closing)
      await hangUp(server, closed)
    },
  }
}

function httpServer(app: ServerApp, host: string, receiveMs: number): Server {
  return createAdaptorServer({
    fetch: app.fetch,
    hostname: host.includes(':') ? `[${host}]` : host, // of requests of HTTP/1.0, which need not name one: balancers' probes
    overrideGlobalObjects: false, // they are the program's
    createServer,
    serverOptions: {
      headersTimeout: Math.min(1e3 * longestHead, receiveMs),
      requestTimeout: receiveMs,
      connectionsCheckingInterval: Math.min(2000, receiveMs / 4),
      keepAliveTimeout: 1e3 * idleConnection,
      keepAlive: true,
      keepAliveInitialDelay: probeMs,
    },
  }) as Server
}

/** Closes the connections, once what was written to them is on its way. */
async function hangUp(server: Server, closed: Promise<unknown>): Promise<void> {
  server.closeIdleConnections()
  const timer = setTimeout(() => server.closeAllConnections(), 500)
  await closed
  clearTimeout(timer)
}

function isLoopback(host: string): boolean {
  return /^(localhost|::1|127(\.\d{1,3}){3})$/.test(host)
}

function urlOf({ address, family, port }: AddressInfo): string {
  const host = address === '0.0.0.0' || address === '::' ? 'localhost' : address
  return `http://${family === 'IPv6' && host !== 'localhost' ? `[${host}]` : host}:${port}`
}
