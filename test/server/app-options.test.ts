import { expect, test } from 'vitest'
import { QuernError } from '../../lib/index.js'
import { createApp, serve } from '../../lib/server/index.js'

const models = { tiny: {} }
/** What it throws, in words. */
const refusal = (options: unknown) => {
  try {
    createApp(options as Parameters<typeof createApp>[0])
  } catch (error) {
    if (error instanceof QuernError) return `${error.code}: ${error.message}`
    throw error
  }
  return undefined
}

test.each([
  [undefined, 'invalid_option'],
  [{}, 'invalid_option: createApp: models'],
  [{ models: {} }, 'invalid_option: createApp: models: expected a model at least'],
  [{ models: { tiny: 5 } }, 'models.tiny: expected a loaded Model, or one to load'],
  [{ models: { tiny: './tiny' } }, 'models.tiny: expected a loaded Model, or one to load'],
  [{}, 'models: expected an object, got nothing'],
  [{ models: { tiny: { sauce: 'x' } } }, 'models.tiny'],
  [{ models, maxTokens: 0 }, 'invalid_option: createApp: maxTokens: expected at least 1, got 0'],
  [{ models, timeout: -1 }, 'invalid_option: createApp: timeout'],
  [{ models, timeout: Number.NaN }, 'invalid_option: createApp: timeout'],
  [{ models, apiKeys: [''] }, 'invalid_option: createApp: apiKeys.0: expected keys'],
  [{ models, apiKeys: [] }, 'invalid_option: createApp: apiKeys'],
  [{ models, cors: ['example.com'] }, 'invalid_option: createApp: cors.0: expected * or an origin'],
  [{ models, log: 'loud' }, 'invalid_option: createApp: log'],
  [{ models, log: { info() {} } }, 'invalid_option: createApp: log'],
  [
    { models, apikeys: ['x'] },
    "unsupported_option: createApp() has no option 'apikeys': did you mean 'apiKeys'?",
  ],
  [{ models, colour: 1 }, "unsupported_option: createApp() has no option 'colour'. It has models, maxTokens"],
])('%j is refused', (options, message) => {
  expect(refusal(options)).toContain(message)
})

test('what is right is taken', () => {
  expect(refusal({ models, log: console, cors: ['*', 'http://localhost:3000'], grace: 0 })).toBeUndefined()
})

test('serve() has options of its own', async () => {
  await expect(serve({ models, prt: 1 } as never)).rejects.toThrow("did you mean 'port'?")
  await expect(serve({ models, port: 70_000 })).rejects.toMatchObject({ code: 'invalid_option' })
})
