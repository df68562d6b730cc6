// A server that really listens, for clients that know of nothing but its address.
import { load, type Model } from '../../lib/index.js'
import { type RunningServer, type ServeOptions, serve } from '../../lib/server/index.js'

export interface Served {
  /** The address that a client of OpenAI's API is given. */
  baseURL: string
  /** Behind the name 'tiny'. */
  model: Model
  close(): Promise<void>
}

/** Serves the bundled model on a free port of this machine. */
export async function serveTiny(options: Omit<ServeOptions, 'models' | 'port'> = {}): Promise<Served> {
  const model = await load(undefined, { threads: 1 })
  const server: RunningServer = await serve({ models: { tiny: model }, port: 0, ...options })
  return {
    baseURL: `${server.url}/v1`,
    model,
    async close() {
      await server.close()
      await model.close()
    },
  }
}
