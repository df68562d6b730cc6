import type { AddressInfo } from 'node:net'
import { createAdaptorServer } from '@hono/node-server'
import { type AppOptions, createApp } from './app.js'

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
  /** Ends it: no new requests, then the models that it loaded are freed. */
  close(): Promise<void>
}

/**
 * Serves models over HTTP, as OpenAI's API does.
 *
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
export async function serve({
  port = 8080,
  host = '127.0.0.1',
  ...options
}: ServeOptions): Promise<RunningServer> {
  const app = createApp(options)
  const server = createAdaptorServer({ fetch: app.fetch })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, resolve)
  })
  const address = server.address() as AddressInfo
  return {
    url: `http://${address.family === 'IPv6' ? `[${address.address}]` : address.address}:${address.port}`,
    async close() {
      const closed = new Promise((resolve) => server.close(resolve))
      if ('closeAllConnections' in server) server.closeAllConnections()
      await closed
      await app.close()
    },
  }
}
