import { afterAll, beforeAll } from 'vitest'
import { load, type Model } from '../../lib/index.js'
import { createQuern, type QuernProvider } from '../../lib/integrations/ai-sdk/index.js'

/** The bundled model, and a provider that knows it as 'tiny', for the tests of a file. */
export const inProcess = {} as { model: Model; provider: QuernProvider }

export function useInProcess(): void {
  beforeAll(async () => {
    inProcess.model = await load(undefined, { threads: 1 })
    inProcess.provider = createQuern({ models: { tiny: inProcess.model } })
  })
  afterAll(() => inProcess.model.close())
}
