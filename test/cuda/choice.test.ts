// A GPU as load() and doctor() find it, and a process that ends at any moment of its work.
import { describe, expect, it } from 'vitest'
import { doctor, load } from '../../lib/index.js'
import { fixturePath } from '../golden.js'
import { runScript } from '../process/run-script.js'

const fixture = fixturePath('models', 'qwen3-tied')

describe('a GPU that works', () => {
  it('is in the report', async () => {
    const { cuda } = await doctor()
    expect(cuda.problem).toBeUndefined()
    const [device] = cuda.devices
    expect(device).toMatchObject({ index: 0, name: expect.any(String) })
    expect(device?.isa).toMatch(/^(sm|compute)_\d+a?$/)
    expect(device?.computeCapability).toMatch(/^\d+\.\d$/)
  })

  it("is what 'auto' takes, and what the model says of itself", async () => {
    const warnings: string[] = []
    const model = await load(fixture, { contextLength: 64, onWarning: (message) => warnings.push(message) })
    const [device] = (await doctor()).cuda.devices
    expect(model.info).toMatchObject({ device: 'cuda', isa: device?.isa, deviceName: device?.name })
    expect(warnings).toEqual([])
    await model.close()
  })
})

it('is one of several where its number says so', async () => {
  const { code, stdout, stderr } = await runScript(
    `process.env.QUERN_EMULATOR_DEVICES = '3'
    const { doctor, load } = await import(DIST)
    const model = await load(${JSON.stringify(fixture)}, { device: 'cuda:2', contextLength: 64 })
    const { tokens } = await model.generate({ tokens: [1, 2, 3] }, { maxTokens: 2, ignoreEos: true }).result()
    console.log(model.info.deviceIndex, tokens.length)
    const { cuda } = await doctor()
    console.log(cuda.devices.map(({ freeBytes, memoryBytes }) => freeBytes === memoryBytes).join(' '))
    await model.close()`,
    { timeout: 120_000 },
  )
  expect({ code, stdout, stderr }).toEqual({ code: 0, stdout: '2 2\ntrue true false\n', stderr: '' })
})

it('is one of its own for each of several that are loaded at once, as far as there are some', async () => {
  const { code, stdout, stderr } = await runScript(
    `process.env.QUERN_EMULATOR_MEMORY = '600000000'
    process.env.QUERN_EMULATOR_DEVICES = '2'
    const { load } = await import(DIST)
    const warnings = []
    const options = { kvCache: { maxBytes: 300e6 }, onWarning: (message) => warnings.push(message) }
    const models = await Promise.all([1, 2, 3].map(() => load(undefined, options)))
    console.log(models.map(({ info }) => [info.device, info.deviceIndex].join('')).sort().join(' '))
    const texts = await Promise.all(models.map((model) => model.generate('Once upon', { maxTokens: 3 }).result()))
    console.log(texts.map(({ tokens }) => tokens.length).join(' '))
    console.log(warnings.join('\\n'))`,
    { timeout: 120_000 },
  )
  expect(stderr).toBe('')
  const [devices, lengths, ...warnings] = stdout.trim().split('\n')
  expect(devices).toBe('cpu cuda0 cuda1')
  expect(lengths).toBe('3 3 3')
  expect(warnings).toHaveLength(1)
  expect(warnings[0]).toMatch(
    /^the model runs on the CPU: it needs about 0\.6 GB, cuda:0 \(.*\) has 0\.\d GB free, cuda:1 \(.*\) has 0\.\d GB free: /,
  )
  expect(code).toBe(0)
})

it('is refused before weights are read where they take more than all of its memory', async () => {
  const { stdout } = await runScript(
    `process.env.QUERN_EMULATOR_MEMORY = '8000000'
    const { load } = await import(DIST)
    const onProgress = () => console.log('read')
    await load(undefined, { device: 'cuda', onProgress }).catch(({ code, message }) => console.log(code, message))`,
    { timeout: 120_000 },
  )
  expect(stdout).toMatch(
    /^out_of_memory device: expected at most the 8000000 bytes of memory that cuda:0 \(.*\) has, got 10895360 of weights: .*\n$/,
  )
})

it.each([20, 200, 800])('a process may end %d ms into an answer', async (milliseconds) => {
  const { code, stderr } = await runScript(
    `const { load } = await import(DIST)
    const model = await load(${JSON.stringify(fixture)}, { device: 'cuda', contextLength: 256 })
    model.generate({ tokens: [1, 2, 3] }, { maxTokens: 200, ignoreEos: true }).result()
    setTimeout(() => process.exit(7), ${milliseconds})`,
    { timeout: 120_000 },
  )
  expect({ code, stderr }).toEqual({ code: 7, stderr: '' })
})

it('a process may end while a model is being closed, and while one is being loaded', async () => {
  const { code, stderr } = await runScript(
    `const { load } = await import(DIST)
    const model = await load(${JSON.stringify(fixture)}, { device: 'cuda', contextLength: 256 })
    model.generate({ tokens: [1, 2, 3] }, { maxTokens: 200, ignoreEos: true }).result().catch(() => {})
    model.close()
    load(undefined, { device: 'cuda', onProgress: () => process.exit(7) })`,
    { timeout: 120_000 },
  )
  expect({ code, stderr }).toEqual({ code: 7, stderr: '' })
})
