// OpenAI's Python library, as its users use it.
import { describe, expect, test } from 'vitest'
import { PythonPackage } from './python.js'
import { serveTiny } from './served.js'

const openai = new PythonPackage('openai', 'openai-requirements.txt')
openai.require()

describe.runIf(openai.isPresent)('the library', () => {
  test('models, completions, chat, streams, tools, errors, many at once', async () => {
    const served = await serveTiny({ log: 'off' })
    expect(await openai.run(['openai_client.py', served.baseURL])).toBe('passed\n')
    await served.close()
  })
})
