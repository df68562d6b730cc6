// Models of a server on a GPU that fails under one of them.
import { expect, it } from 'vitest'
import { packageFolder, runScript } from '../process/run-script.js'

/** Two models on the GPU, in a process of its own: `ask()` gives the status of an answer, and its Retry-After where it has one. */
const twoOnGpu = `const { createApp } = await import('quern/server')
  const { setTimeout: sleep } = await import('node:timers/promises')
  const onGpu = { options: { device: 'cuda', threads: 1, kvCache: { maxBytes: 64e6 } } }
  const appOfTwo = () => createApp({ models: { tiny: onGpu, other: onGpu }, log: 'off' })
  const ask = async (app, model, max_tokens) => {
    const body = JSON.stringify({ model, prompt: 'Once upon a time', max_tokens, ignore_eos: true })
    const headers = { 'Content-Type': 'application/json' }
    const response = await app.request('/v1/completions', { method: 'POST', headers, body })
    await response.text()
    return [response.status, response.headers.get('retry-after')].join(' ').trim()
  }`

it('a GPU that fails under one model costs requests to another no error of the server', async () => {
  const { code, stdout } = await runScript(
    `${twoOnGpu}
    const app = appOfTwo()
    for (const model of ['tiny', 'other']) console.log(await ask(app, model, 1))
    process.env.QUERN_EMULATOR_FAULT_AFTER = '40'
    console.log(await ask(app, 'tiny', 50))
    process.env.QUERN_EMULATOR_FAULT_AFTER = ''
    for (const model of ['other', 'tiny']) console.log(await ask(app, model, 1))
    process.env.QUERN_EMULATOR_FAULT_AFTER = '80' // both are loaded, and none has computed its 50 tokens by then
    const both = Promise.all([ask(app, 'tiny', 50), ask(app, 'other', 50)])
    console.log((await both).join(', '))
    process.env.QUERN_EMULATOR_FAULT_AFTER = ''
    for (const model of ['other', 'tiny']) console.log(await ask(app, model, 1))
    console.log((await app.request('/health')).status)
    await app.close()`,
    { cwd: packageFolder, timeout: 300_000 },
  )
  const well = '200'
  const lost = '503 1'
  expect(stdout.split('\n')).toEqual([
    well,
    well,
    lost,
    well,
    well,
    `${lost}, ${lost}`,
    well,
    well,
    '200',
    '',
  ])
  expect(code).toBe(0)
})

it('a model that is being loaded while the GPU fails under another is loaded all the same', async () => {
  const { code, stdout } = await runScript(
    `${twoOnGpu}
    for (let round = 0; round < 5; round++) {
      const app = appOfTwo()
      await ask(app, 'tiny', 1)
      const computing = ask(app, 'tiny', 200)
      const loading = ask(app, 'other', 1)
      const isLoading = async () => (await (await app.request('/v1/models/other')).json()).status === 'loading'
      while (!(await isLoading())) await sleep(1)
      process.env.QUERN_EMULATOR_FAULT_AFTER = String(1 + round)
      const { status } = await app.request('/health')
      console.log(await computing, await loading, status, (await app.request('/health')).status)
      process.env.QUERN_EMULATOR_FAULT_AFTER = ''
      await app.close()
    }`,
    { cwd: packageFolder, timeout: 300_000 },
  )
  expect(stdout.trim().split('\n')).toEqual(Array(5).fill('503 1 200 200 200'))
  expect(code).toBe(0)
})
