// A process whose only work is a session's file.
import { readFile } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { temporaryFolder } from '../model/temporary.js'
import { runScript } from './run-script.js'

const folder = temporaryFolder()

test('saving and loading keep the process alive though nobody waits for them', async () => {
  const path = folder.join('session')
  const saving = await runScript(`
    const { load } = await import(DIST)
    const model = await load()
    const session = model.session({ maxTokens: 60, temperature: 0 })
    await session.chat('Tell me a story about a fox. '.repeat(20)).text()
    session.save(${JSON.stringify(path)}).then(() => console.log('saved'))`)
  expect(saving).toMatchObject({ code: 0, stdout: 'saved\n', stderr: '' })
  expect((await readFile(path)).toString('latin1', 0, 8)).toBe('quernses')
  const loading = await runScript(`
    const { load } = await import(DIST)
    const model = await load()
    model.loadSession(${JSON.stringify(path)}).then(({ messages }) => console.log(messages.length, model.stats().kvCache.pagesCached > 5))`)
  expect(loading).toMatchObject({ code: 0, stdout: '2 true\n', stderr: '' })
})
