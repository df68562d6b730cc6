import { afterAll } from 'vitest'
import { load, type Model } from '../../lib/index.js'
import { type AppOptions, createApp, type ServerApp } from '../../lib/server/index.js'

/** An app that serves the bundled model as 'tiny', without a network, until the tests of a file are over. */
export async function tinyApp(
  options: Omit<AppOptions, 'models'> = {},
): Promise<{ model: Model; app: ServerApp }> {
  const model = await load(undefined, { threads: 1 })
  afterAll(() => model.close())
  return { model, app: createApp({ models: { tiny: model }, ...options }) }
}
