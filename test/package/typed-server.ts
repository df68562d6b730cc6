// The same of somebody who serves. Hono's declarations and Zod's want a newer TypeScript than quern's own.
import {
  type AppOptions,
  createApp,
  type RunningServer,
  type ServeOptions,
  type ServerApp,
  serve,
} from 'quern/server'

async function serving(options: ServeOptions): Promise<void> {
  const settings: AppOptions = { models: options.models, maxTokens: 16 }
  const app: ServerApp = createApp(settings)
  const server: RunningServer = await serve(options)
  console.log((await app.request('/health')).status, (await fetch(`${server.url}/health`)).status)
  await server.close({ grace: 0 })
  await app.close()
}

serving({ models: { demo: {} }, port: 0 })
