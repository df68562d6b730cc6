// Models in Node.js as `device: 'cuda'`, on the computed GPU: scripts/test-cuda.mjs runs this and says where the library is.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { doctor, type LoadOptions, load } from '../../lib/index.js'
import { finalNorm, makeBroken, nan } from '../model/broken-model.js'
import { expectCode } from '../model/expect-code.js'
import { runScript } from '../process/run-script.js'

const text = 'Once upon a time'
const greedy = { temperature: 0, maxTokens: 8, ignoreEos: true }
const folder = mkdtempSync(join(tmpdir(), 'quern-cuda-'))
afterAll(() => rmSync(folder, { recursive: true }))

/** The tokens after the text, and the logits at its end. */
async function answer(options: LoadOptions) {
  const model = await load(undefined, options)
  const { tokens } = await model.generate(text, greedy).result()
  const { data, shape } = await model.logits(model.tokenizer.encode(text))
  const info = model.info
  await model.close()
  return { info, tokens: [...tokens], logits: data.subarray(-shape[1]) }
}

const largest = (numbers: Float32Array) =>
  numbers.reduce((most, number) => Math.max(most, Math.abs(number)), 0)
const distance = (a: Float32Array, b: Float32Array) =>
  largest(a.map((number, i) => number - (b[i] ?? Number.NaN)))

describe('what a GPU says', () => {
  it("with precision 'exact' is what the CPU says, to the rounding of float32", async () => {
    const cpu = await answer({ device: 'cpu', precision: 'exact' })
    const gpu = await answer({ device: 'cuda', precision: 'exact' })
    expect(gpu.info).toMatchObject({ device: 'cuda', precision: 'exact', kvDtype: 'f32' })
    expect(gpu.tokens).toEqual(cpu.tokens)
    expect(distance(gpu.logits, cpu.logits)).toBeLessThan(2e-5 * largest(cpu.logits))
  })

  it.each(['bf16', 'f16', 'int8', 'int4'] as const)(
    'with %s weights is near to what the CPU says with the same',
    async (dtype) => {
      const cpu = await answer({ device: 'cpu', precision: 'exact', dtype })
      const gpu = await answer({ device: 'cuda', dtype })
      expect(gpu.info).toMatchObject({ device: 'cuda', precision: 'fast', kvDtype: 'bf16' })
      expect(distance(gpu.logits, cpu.logits)).toBeLessThan(0.03 * largest(cpu.logits))
    },
  )

  it('is the same, bit by bit, whatever else runs', async () => {
    const model = await load(undefined, { device: 'cuda', deterministic: true })
    const prompts = [text, 'The cat', 'Lily went to the park and saw a big dog. The dog']
    const options = { ...greedy, maxTokens: 6, logprobs: true, topLogprobs: 2 }
    const alone = []
    for (const prompt of prompts) alone.push(await model.generate(prompt, options).result())
    const together = await Promise.all(prompts.map((prompt) => model.generate(prompt, options).result()))
    expect(together.map(({ tokens }) => tokens)).toEqual(alone.map(({ tokens }) => tokens))
    expect(together.map(({ logprobs }) => logprobs)).toEqual(alone.map(({ logprobs }) => logprobs))
    await model.close()
  })
})

describe('a GPU', () => {
  it('has room for two models at a time, and gives it back', async () => {
    const models = await Promise.all([
      load(undefined, { device: 'cuda' }),
      load(undefined, { device: 'cuda:0' }),
    ])
    const results = await Promise.all(models.map((model) => model.generate(text, greedy).result()))
    expect(results[0]?.tokens).toEqual(results[1]?.tokens)
    await Promise.all(models.map((model) => model.close()))
  })

  it('has given all memory back when close() resolves, while a request runs too', async () => {
    const freeBytes = async () => (await doctor()).cuda.devices[0]?.freeBytes
    const before = await freeBytes()
    for (let i = 0; i < 10; ++i) {
      const model = await load(undefined, { device: 'cuda', contextLength: 256 })
      const running = model.generate(text, { ...greedy, maxTokens: 50 }).text()
      await Promise.all([model.close(), model.close(), expect(running).rejects.toThrow('closed')])
      expect(await freeBytes()).toBe(before)
    }
  })

  it('goes on with a conversation that the CPU has saved, and the other way round', async () => {
    let saved = false
    const path = join(folder, 'session')
    for (const device of ['cpu', 'cuda', 'cpu'] as const) {
      const model = await load(undefined, { device })
      const session = device === 'cpu' && !saved ? model.session() : await model.loadSession(path)
      saved = true
      await session.chat('Tell me of a cat', { ...greedy, maxTokens: 3 }).result()
      await session.save(path)
      await model.close()
    }
  })

  it('says that a model gives no numbers, drawn on it and on the host', async () => {
    const model = await load(makeBroken(join(folder, 'broken'), finalNorm, nan), { device: 'cuda' })
    for (const options of [greedy, { temperature: 1, logprobs: true }, { temperature: 1, mirostat: {} }])
      await expectCode(() => model.generate(text, options).text(), 'not_finite')
    await expectCode(() => model.perplexity(text), 'not_finite')
    await expectCode(() => model.embed(text), 'not_finite')
    await model.close()
  })

  it('stops within a step when its caller has heard enough', async () => {
    const model = await load(undefined, { device: 'cuda' })
    const controller = new AbortController()
    const generation = model.generate(text, { maxTokens: 200, ignoreEos: true, signal: controller.signal })
    const read = async () => {
      for await (const _ of generation) controller.abort()
    }
    await expect(read()).rejects.toThrow('aborted')
    await model.generate(text, greedy).result()
    await model.close()
  })
})

describe('a process', () => {
  const device = `{ device: 'cuda' }`

  it('outlives a GPU that fails: requests end with device_failed, and load() works again', async () => {
    const { code, stdout } = await runScript(
      `const { load } = await import(DIST)
      const model = await load(undefined, ${device})
      process.env.QUERN_EMULATOR_FAULT_AFTER = '40'
      const failed = await Promise.allSettled([1, 2].map(() => model.generate('${text}', { maxTokens: 50, ignoreEos: true }).text()))
      console.log(failed.map(({ reason }) => reason?.code).join(' '))
      process.env.QUERN_EMULATOR_FAULT_AFTER = ''
      console.log(await model.generate('${text}').text().catch(({ code }) => code))
      await model.close()
      const again = await load(undefined, ${device})
      console.log((await again.generate('${text}', { maxTokens: 3, ignoreEos: true }).result()).tokens.length)`,
      { timeout: 300_000 },
    )
    expect(stdout.trim().split('\n')).toEqual(['device_failed device_failed', 'device_failed', '3'])
    expect(code).toBe(0)
  })

  it('says so, and lives, where a GPU that failed is asked for while its model is open', async () => {
    const { code, signal, stdout } = await runScript(
      `const { load, doctor } = await import(DIST)
      const models = [await load(undefined, ${device}), await load(undefined, ${device})]
      const ask = (model) => model.generate('${text}', { maxTokens: 50, ignoreEos: true }).text().catch(({ code }) => code)
      process.env.QUERN_EMULATOR_FAULT_AFTER = '40'
      console.log(await ask(models[0]))
      process.env.QUERN_EMULATOR_FAULT_AFTER = ''
      const { problem, devices } = (await doctor()).cuda
      console.log(problem.code, devices[0].problem.message.endsWith('close every model that ran on it, then load again'))
      console.log(await load(undefined, ${device}).catch(({ code }) => code))
      const warnings = []
      const onCpu = await load(undefined, { onWarning: (message) => warnings.push(message) })
      console.log(onCpu.info.device, warnings.length, warnings[0].includes('close every model'))
      console.log(...(await Promise.all(models.map(ask))))
      for (const model of models) await model.close()
      const again = await load(undefined, ${device})
      console.log((await again.generate('${text}', { maxTokens: 3, ignoreEos: true }).result()).tokens.length)`,
      { timeout: 300_000 },
    )
    expect(stdout.trim().split('\n')).toEqual([
      'device_failed',
      'device_failed true',
      'device_failed',
      'cpu 1 true',
      'device_failed device_failed',
      '3',
    ])
    expect({ code, signal }).toEqual({ code: 0, signal: null })
  })

  it('is told to be restarted where the driver does not give a GPU back', async () => {
    const { code, stdout } = await runScript(
      `const { load, doctor } = await import(DIST)
      const model = await load(undefined, ${device})
      process.env.QUERN_EMULATOR_RESET = 'refused'
      process.env.QUERN_EMULATOR_FAULT_AFTER = '40'
      await model.generate('${text}', { maxTokens: 50, ignoreEos: true }).text().catch(() => {})
      process.env.QUERN_EMULATOR_FAULT_AFTER = ''
      await model.close()
      const error = await load(undefined, ${device}).catch((error) => error)
      console.log(error.code, error.message.includes('restart the process'))
      const { problem } = (await doctor()).cuda
      console.log(problem.code, problem.message.endsWith('restart the process'))`,
      { timeout: 300_000 },
    )
    expect(stdout.trim().split('\n')).toEqual(['device_failed true', 'device_failed true'])
    expect(code).toBe(0)
  })

  it('is told in numbers when the GPU has too little memory, and loses nothing', async () => {
    const { code, stdout, stderr } = await runScript(
      `const { load } = await import(DIST)
      process.env.QUERN_EMULATOR_MEMORY = '11000000' // enough for the weights
      const error = await load(undefined, ${device}).catch((error) => error)
      console.log(error.code)
      console.log(error.message)
      const model = await load(undefined, { device: 'cpu' })
      console.log(model.info.device)`,
      { timeout: 300_000 },
    )
    expect(stderr).toBe('')
    const [found, message, place] = stdout.trim().split('\n')
    expect([found, place]).toEqual(['out_of_memory', 'cpu'])
    const bytes = /[\d.]+ [kM]B \(\d+ bytes\)/.source
    expect(message).toMatch(
      new RegExp(
        `expected ${bytes} more of the GPU's memory, got .* that are free of 11.0 MB \\(11000000 bytes\\): .*--kv-cache`,
      ),
    )
    expect(code).toBe(0)
  })

  it('may end in the middle of a step', async () => {
    const { code, stdout } = await runScript(
      `const { load } = await import(DIST)
      const model = await load(undefined, ${device})
      for await (const piece of model.generate('${text}', { maxTokens: 50, ignoreEos: true })) process.exit(7)`,
      { timeout: 300_000 },
    )
    expect({ code, stdout }).toEqual({ code: 7, stdout: '' })
  })
})
