// Loading that is given up, and files that go away: nothing is left behind, and nobody hears of it who did not ask.
import { readdirSync, rmSync } from 'node:fs'
import { cp } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { bundledModelPath } from '../../lib/checkpoint/bundled.js'
import { type LoadProgress, load } from '../../lib/index.js'
import { eventually } from '../eventually.js'
import { temporaryFolder } from './temporary.js'

const folder = temporaryFolder()
const unhandled: unknown[] = []
const note = (reason: unknown) => unhandled.push(reason)
beforeAll(() => void process.on('unhandledRejection', note))
afterAll(() => void process.off('unhandledRejection', note))

const threads = () => readdirSync('/proc/self/task').length
const isLast = ({ loadedBytes, totalBytes }: LoadProgress) => loadedBytes === totalBytes

test.runIf(process.platform === 'linux')(
  'a load that is aborted at its last report leaves no model',
  async () => {
    await (await load()).close() // compute threads stay
    const before = threads()
    for (let round = 0; round < 4; round++) {
      const controller = new AbortController()
      const reason = new Error('enough')
      const loading = load(undefined, {
        signal: controller.signal,
        onProgress: (progress) => {
          if (isLast(progress)) controller.abort(reason)
        },
      })
      await expect(loading).rejects.toBe(reason)
    }
    for (let round = 0; round < 4; round++) {
      const loading = load(undefined, {
        onProgress: (progress) => {
          if (isLast(progress)) throw new Error('mine')
        },
      })
      await expect(loading).rejects.toThrow('mine')
    }
    // The engine of a model is a thread.
    await eventually(() => threads() <= before, 'the threads of those loads are gone')
  },
)

test('nothing is reported after an abort', async () => {
  const controller = new AbortController()
  let reports = 0
  const onProgress = () => {
    if (++reports === 2) controller.abort()
  }
  await expect(load(undefined, { signal: controller.signal, onProgress })).rejects.toThrow()
  await sleep(50)
  expect(reports).toBe(2)
})

test('a model whose weights are deleted after loading works, and only what needs them says so', async () => {
  const path = folder.join('short-lived')
  await cp(bundledModelPath(), path, { recursive: true })
  const model = await load(path, {
    onProgress: (progress) => {
      if (isLast(progress)) rmSync(path, { recursive: true, force: true })
    },
  })
  expect(await model.generate('Once', { maxTokens: 3, ignoreEos: true }).text()).not.toBe('')
  await sleep(50)
  expect(unhandled).toEqual([])
  const session = model.session({ messages: [{ role: 'user', content: 'Hi' }] })
  await expect(session.save(folder.join('session'))).rejects.toMatchObject({ name: 'QuernError' })
  await model.close()
  expect(unhandled).toEqual([])
})
