import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { load } from '../../lib/index.js'
import { bundledModelPath } from '../../lib/model/bundled.js'
import { temporaryFolder } from '../model/temporary.js'
import { FakeHub } from './fake-hub.js'

const temporary = temporaryFolder()
let hub: FakeHub
beforeAll(async () => {
  hub = await FakeHub.start()
})
afterAll(() => hub.close())
beforeEach(() => {
  hub.reset()
  process.env.HF_ENDPOINT = hub.endpoint
})

describe('load', () => {
  it('downloads a model of the hub and runs it like the folder', async () => {
    hub.serveFolder('quern/tiny', bundledModelPath())
    const [bundled, fetched] = [await load(), await load('quern/tiny', { cacheDir: temporary.join('first') })]
    const options = { maxTokens: 12, temperature: 0 }
    const expected = await bundled.generate('Once upon a time', options).text()
    expect(await fetched.generate('Once upon a time', options).text()).toBe(expected)
    expect(fetched.info.source).toBe('quern/tiny')
    await Promise.all([bundled.close(), fetched.close()])
  })
})
