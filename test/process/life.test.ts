// How a process with models lives and ends.
import { describe, expect, it } from 'vitest'
import { expectBelow, expectPrompt } from '../promptly.js'
import { runScript, type ScriptOptions } from './run-script.js'

const long = '{ maxTokens: 2000, ignoreEos: true, temperature: 0 }'

/** Runs a program that must end by itself, before it counts as hanging, with the code, saying nothing on stderr. Gives its output. */
async function ends(source: string, code = 0, options: ScriptOptions = {}): Promise<string> {
  const outcome = await runScript(source, options)
  expect(outcome).toMatchObject({ code, signal: null, stderr: '' })
  return outcome.stdout.trim()
}

describe('a process', () => {
  it('ends with an idle model that was never closed', async () => {
    await ends(`
      const { load } = await import(DIST)
      globalThis.model = await load()`)
  })

  it('ends with an idle model that has worked', async () => {
    const stdout = await ends(`
      const { load } = await import(DIST)
      globalThis.model = await load()
      console.log((await model.generate('Once upon a time', { maxTokens: 5, ignoreEos: true }).result()).tokens.length)`)
    expect(stdout).toBe('5')
  })

  it('is kept alive by a running request', async () => {
    const stdout = await ends(`
      const { load } = await import(DIST)
      const model = await load()
      model.generate('Once upon a time', { maxTokens: 300, ignoreEos: true }).result().then(({ tokens }) => console.log(tokens.length))`)
    expect(stdout).toBe('300')
  })

  it('is not kept alive by generations whose reader sleeps', async () => {
    const stdout = await ends(`
      const { load } = await import(DIST)
      const model = await load()
      globalThis.unread = [1, 2].map(() => model.generate('Once upon a time', ${long}))
      globalThis.left = model.generate('Once upon a time', ${long}).events()
      await left.next()
      process.on('exit', () => console.log('nobody reads'))`)
    expect(stdout).toBe('nobody reads')
  })

  it('is kept alive again by a reader that comes late', async () => {
    const stdout = await ends(`
      const { load } = await import(DIST)
      const model = await load()
      const generation = model.generate('Once upon a time', { maxTokens: 700, ignoreEos: true })
      setTimeout(async () => console.log((await generation.result()).tokens.length), 1500)
      const slow = model.generate('Once upon a time', { maxTokens: 700, ignoreEos: true })
      setTimeout(async () => {
        let tokens = 0
        for await (const event of slow.events()) tokens += event.tokens?.length ?? 0
        console.log(tokens)
      }, 1500)`)
    expect(stdout).toBe('700\n700')
  })

  it('is kept alive by logits and by loading', async () => {
    const stdout = await ends(`
      const { load } = await import(DIST)
      load().then((model) => model.logits([1, 2, 3])).then(({ shape }) => console.log(shape.join()))`)
    expect(stdout).toBe('3,5120')
  })

  it('ends after its requests were cancelled', async () => {
    await ends(`
      const { load } = await import(DIST)
      const model = await load()
      const generations = [1, 2, 3].map(() => model.generate('Once upon a time', ${long}))
      setTimeout(() => generations.forEach((generation) => generation.cancel()), 50)`)
  })

  it('ends after it left a loop early', async () => {
    await ends(`
      const { load } = await import(DIST)
      const model = await load()
      for await (const _ of model.generate('Once upon a time', ${long})) break`)
  })

  it('ends after its model was closed while generating', async () => {
    const stdout = await ends(`
      const { load } = await import(DIST)
      const model = await load()
      model.generate('Once upon a time', ${long}).text().catch(({ code }) => console.log(code))
      setTimeout(() => model.close(), 50)`)
    expect(stdout).toBe('closed')
  })

  it('can be left by process.exit() while generating', async () => {
    for (const delay of [0, 3, 50]) {
      await ends(
        `const { load } = await import(DIST)
        const model = await load()
        for (let i = 0; i < 4; i++) model.generate('Once upon a time', ${long}).result()
        setTimeout(() => process.exit(7), ${delay})`,
        7,
      )
    }
  })

  it('can be left by process.exit() inside a loop over text', async () => {
    await ends(
      `const { load } = await import(DIST)
      const model = await load()
      for await (const _ of model.generate('Once upon a time', ${long})) process.exit(3)`,
      3,
    )
  })

  it('can be left by process.exit() while loading', async () => {
    for (const delay of [0, 20, 200]) {
      await ends(
        `const { load } = await import(DIST)
        load('random:qwen3-0.6b')
        setTimeout(() => process.exit(5), ${delay})`,
        5,
      )
    }
  })

  it('dies of a throw while generating, with the usual message alone', async () => {
    const { code, stderr } = await runScript(`
      const { load } = await import(DIST)
      const model = await load()
      for (let i = 0; i < 4; i++) model.generate('Once upon a time', ${long}).result()
      setTimeout(() => { throw new Error('this is mine') }, 50)`)
    expect(code).toBe(1)
    expect(stderr).toContain('Error: this is mine')
    expect(stderr).not.toMatch(/quern|native|FATAL|terminate/i)
  })

  it('dies of a throw inside a loop over text', async () => {
    const { code, stderr } = await runScript(`
      const { load } = await import(DIST)
      const model = await load()
      for await (const _ of model.generate('Once upon a time', ${long})) throw new Error('this is mine')`)
    expect(code).toBe(1)
    expect(stderr).toContain('this is mine')
    expect(stderr).not.toMatch(/FATAL|terminate/i)
  })

  it('survives an error that it catches in a callback of its own', async () => {
    const stdout = await ends(`
      const { load } = await import(DIST)
      process.on('uncaughtException', ({ message }) => console.log(message))
      const model = await load()
      const { length } = (await model.generate('Once upon a time', { maxTokens: 9, ignoreEos: true }).result()).tokens
      setTimeout(() => { throw new Error('caught') }, 0)
      setTimeout(() => console.log(length), 20)`)
    expect(stdout).toBe('caught\n9')
  })

  it('ends with two models, one of them at work when the other is closed', async () => {
    const stdout = await ends(`
      const { load } = await import(DIST)
      const [one, two] = await Promise.all([load(), load()])
      const text = one.generate('Once upon a time', { maxTokens: 200, ignoreEos: true }).result()
      two.generate('Once upon a time', ${long}).text().catch(() => {})
      await new Promise((resolve) => setTimeout(resolve, 30))
      await two.close()
      console.log((await text).tokens.length)`)
    expect(stdout).toBe('200')
  })

  it('collects models that nobody holds', async () => {
    const program = `const { load } = await import(DIST)
      const round = async () => {
        const model = await load()
        await model.generate('Once upon a time', { maxTokens: 4 }).text()
      }
      const settle = async () => {
        for (let i = 0; i < 5; i++) {
          gc()
          await new Promise((resolve) => setTimeout(resolve, 10))
        }
      }
      for (let i = 0; i < 4; i++) await round()
      await settle()
      const before = process.memoryUsage.rss()
      for (let i = 0; i < 20; i++) await round()
      await settle()
      console.log(Math.round((process.memoryUsage.rss() - before) / 2 ** 20))`
    // Models that stay do so in every process.
    const more = async () => Number(await ends(program, 0, { nodeOptions: ['--expose-gc'] }))
    await expectBelow(60, more, 'after 20 models of 11 MB', 'mebibytes more')
  })
})

describe('a worker', () => {
  const worker = (body: string) => `
    import { Worker } from 'node:worker_threads'
    const source = \`
      const { parentPort } = require('node:worker_threads')
      import(\${JSON.stringify(DIST)}).then(async ({ load }) => {
        const model = await load()
        ${body}
      })\`
    const worker = new Worker(source, { eval: true, execArgv: [] })`

  it('can be terminated while generating', async () => {
    const milliseconds = async () =>
      Number(
        await ends(`${worker(`
        for (let i = 0; i < 4; i++) model.generate('Once upon a time', ${long}).result()
        for await (const text of model.generate('Once upon a time', ${long})) parentPort.postMessage(text)`)}
      worker.once('message', async () => {
        const start = performance.now()
        await worker.terminate()
        console.log(performance.now() - start)
      })`),
      )
    await expectPrompt(1000, milliseconds)
  })

  it('can be terminated while loading, at any moment', async () => {
    await ends(`
      import { Worker } from 'node:worker_threads'
      const source = \`import(\${JSON.stringify(DIST)}).then(({ load }) => load('random:qwen3-0.6b'))\`
      for (const delay of [0, 30, 60, 100, 200, 400]) {
        const worker = new Worker(source, { eval: true, execArgv: [] })
        await new Promise((resolve) => setTimeout(resolve, delay))
        await worker.terminate()
      }`)
  })

  it('can be terminated in the middle of a callback', async () => {
    const spin = 'parentPort.postMessage(0); for (;;);'
    const bodies = [
      `await load(undefined, { onProgress() { ${spin} } })`,
      `const model = await load()
       for await (const _ of model.generate('Once upon a time', ${long})) { ${spin} }`,
      // within the delivery of rows itself
      `const model = await load()
       const push = Array.prototype.push
       Array.prototype.push = function (...items) {
         if (items[0]?.type === 'text-delta') { ${spin} }
         return push.apply(this, items)
       }
       await model.generate('Once upon a time', ${long}).result()`,
    ]
    const stdout = await ends(`
      import { Worker } from 'node:worker_threads'
      for (const body of ${JSON.stringify(bodies)}) {
        const source = \`
          const { parentPort } = require('node:worker_threads')
          import(\${JSON.stringify(DIST)}).then(async ({ load }) => { \${body} })\`
        const worker = new Worker(source, { eval: true, execArgv: [] })
        await new Promise((resolve) => worker.once('message', resolve))
        console.log(await worker.terminate())
      }`)
    expect(stdout).toBe('1\n1\n1')
  })

  it('ends with an idle model', async () => {
    const stdout =
      await ends(`${worker(`parentPort.postMessage(await model.generate('Once', { maxTokens: 5 }).text())`)}
      worker.once('message', (text) => console.log(text.length > 0))
      worker.once('exit', (code) => console.log(code))`)
    expect(stdout).toBe('true\n0')
  })

  it('may exit or throw while generating, and the process goes on', async () => {
    const stdout = await ends(`${worker(`
        model.generate('Once upon a time', ${long}).result()
        setTimeout(() => process.exit(4), 30)`)}
      worker.once('exit', async (code) => {
        console.log(code)
        const { load } = await import(DIST)
        const model = await load()
        console.log((await model.generate('Once upon a time', { maxTokens: 5, ignoreEos: true }).result()).tokens.length)
      })`)
    expect(stdout).toBe('4\n5')
    const thrown = await ends(`${worker(`
        model.generate('Once upon a time', ${long}).result()
        setTimeout(() => { throw new Error('in the worker') }, 30)`)}
      worker.once('error', ({ message }) => console.log(message))`)
    expect(thrown).toBe('in the worker')
  })

  it('can come and go many times beside a model that works', async () => {
    const stdout = await ends(`
      import { Worker } from 'node:worker_threads'
      const { load } = await import(DIST)
      const model = await load()
      const { text } = await model.generate('Once upon a time', { maxTokens: 400, temperature: 0 }).result()
      const source = \`import(\${JSON.stringify(DIST)}).then(async ({ load }) => (await load()).generate('Once', ${long}).result())\`
      const again = model.generate('Once upon a time', { maxTokens: 400, temperature: 0 }).text()
      for (let i = 0; i < 8; i++) {
        const worker = new Worker(source, { eval: true, execArgv: [] })
        await new Promise((resolve) => setTimeout(resolve, 60))
        await worker.terminate()
      }
      console.log(text === await again)`)
    expect(stdout).toBe('true')
  })
})
