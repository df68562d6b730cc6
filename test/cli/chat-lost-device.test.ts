// A conversation at a terminal whose model's device fails. The library of test/native/late stands for a GPU's.
import { PassThrough } from 'node:stream'
import { expect, onTestFinished, test, vi } from 'vitest'
import { ChatSettings } from '../../lib/cli/chat-settings.js'
import { ChatTerminal } from '../../lib/cli/chat-terminal.js'
import { load } from '../../lib/index.js'
import { lateLibrary } from '../late-library.js'

test('ends with exit code 1', async () => {
  vi.stubEnv('QUERN_DEVICE_LIBRARY', '')
  vi.stubEnv('QUERN_CUDA_LIBRARY', lateLibrary)
  vi.stubEnv('QUERN_LATE_LOST', '3')
  onTestFinished(() => void vi.unstubAllEnvs())
  const model = await load(undefined, { device: 'cuda', threads: 1 })
  const [input, output] = [new PassThrough(), new PassThrough()]
  let shown = ''
  output.on('data', (chunk) => {
    shown += chunk
  })
  const settings = new ChatSettings(model, { maxTokens: 40 })
  const ended = new ChatTerminal(model, model.session(), settings, { input, output }).run()
  input.write('Hello\r')
  expect(await ended).toBe(1)
  expect(shown).toContain('error: late: lost with step 3 (device_failed)')
  expect(shown).toContain('begin again')
  await model.close()
})
