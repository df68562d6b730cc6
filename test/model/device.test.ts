// Where a model runs, and what is said where it cannot. The library of test/native/late stands for a GPU's.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { doctor, inspect, type LoadOptions, load, type ModelPlan } from '../../lib/index.js'
import { expectDevice, takeDevice } from '../../lib/model/choose-device.js'
import { askCuda } from '../../lib/model/cuda.js'
import { cudaReport } from '../../lib/model/cuda-report.js'
import { packageVersion } from '../../lib/package.js'
import { createApp } from '../../lib/server/index.js'
import { quern } from '../cli/quern.js'
import { lateLibrary } from '../late-library.js'
import { expectCode } from './expect-code.js'

beforeEach(() => vi.stubEnv('QUERN_DEVICE_LIBRARY', ''))
afterEach(() => vi.unstubAllEnvs())

/** What stands at the end of errors, and of warnings. */
const others = "; device: 'cpu' or 'auto' goes without"
const quiet = "; device: 'cpu' asks for no GPU"

/** Loads the bundled model; gives its info and what was warned of. */
async function loaded(options: LoadOptions) {
  const warnings: string[] = []
  const model = await load(undefined, { ...options, onWarning: (message) => warnings.push(message) })
  const { info } = model
  await model.close()
  return { info, warnings }
}

describe('with a GPU', () => {
  beforeEach(() => vi.stubEnv('QUERN_CUDA_LIBRARY', lateLibrary))

  it.each(['auto', 'cuda', 'cuda:0', undefined] as const)('device %s takes it', async (device) => {
    const { info, warnings } = await loaded({ device })
    expect(info).toMatchObject({ device: 'late', deviceName: 'late device', deviceIndex: 0 })
    expect(warnings).toEqual([])
  })

  it("'cpu' leaves it, and so does an instruction set of the CPU", async () => {
    for (const options of [{ device: 'cpu' }, { isa: 'baseline' }] as const) {
      const { info, warnings } = await loaded(options)
      expect(info.device).toBe('cpu')
      expect('deviceName' in info || 'deviceIndex' in info).toBe(false)
      expect(warnings).toEqual([])
    }
  })

  it('an instruction set of the CPU goes with no GPU', async () => {
    const error = await expectCode(() => load(undefined, { device: 'cuda', isa: 'avx2' }), 'invalid_option')
    expect(error.message).toContain("none with device: 'cuda'")
  })

  it.each(['cuda:01', 'cuda:-1', 'cuda:x', 'gpu', 'CUDA', 1, null])('refuses device %s', async (device) => {
    await expectCode(() => load(undefined, { device } as LoadOptions), 'invalid_option')
  })

  it('says which there are where the wanted one is not', async () => {
    const error = await expectCode(() => load(undefined, { device: 'cuda:7' }), 'no_device')
    expect(error.message).toBe(`device: expected one of cuda:0 (late device), got 'cuda:7'${others}`)
    expect(error.value).toBe('cuda:7')
  })

  it('a driver that serves none', async () => {
    vi.stubEnv('QUERN_LATE_PROBLEM', 'the driver is asleep: wake it')
    expect(await loaded({})).toMatchObject({
      info: { device: 'cpu' },
      warnings: [`the model runs on the CPU: the driver is asleep: wake it${quiet}`],
    })
    const error = await expectCode(() => load(undefined, { device: 'cuda' }), 'no_device')
    expect(error.message).toBe(
      `device: expected an NVIDIA GPU that works for 'cuda': the driver is asleep: wake it${others}`,
    )
    expect(error.value).toBe('cuda')
  })

  it('a GPU that cannot be used', async () => {
    vi.stubEnv('QUERN_LATE_DEVICE_PROBLEM', 'too old: buy one')
    expect(await loaded({})).toMatchObject({
      info: { device: 'cpu' },
      warnings: [`the model runs on the CPU: too old: buy one${quiet}`],
    })
    for (const device of ['cuda', 'cuda:0'] as const) {
      const error = await expectCode(() => load(undefined, { device }), 'no_device')
      expect(error.message).toBe(
        `device: expected an NVIDIA GPU that works for '${device}': too old: buy one${others}`,
      )
      expect(error.value).toBe(device)
    }
  })

  it('a model that does not fit', async () => {
    vi.stubEnv('QUERN_LATE_FREE', '200000000')
    const { info, warnings } = await loaded({})
    expect(info.device).toBe('cpu')
    expect(warnings).toHaveLength(1)
    expect(warnings[0]).toMatch(
      /^the model runs on the CPU: it needs about 0\.\d GB, cuda:0 \(late device\) has 0\.2 GB free: .*a smaller dtype .* or a smaller kvCache\.maxBytes \(--kv-cache\); device: 'cpu' asks for no GPU$/,
    )
    expect((await loaded({ device: 'cuda' })).info.device).toBe('late') // who insists may try
  })

  it('a GPU that fails while it takes the weights', async () => {
    vi.stubEnv('QUERN_LATE_DEVICES', '0')
    const { info, warnings } = await loaded({})
    expect(info.device).toBe('cpu')
    expect(warnings).toEqual([
      `the model runs on the CPU: late: it cannot be used any more: restart the process${quiet}`,
    ])
    await expectCode(() => load(undefined, { device: 'cuda' }), 'device_failed')
  })

  it('what a cache is told to take counts', async () => {
    vi.stubEnv('QUERN_LATE_FREE', '2000000000')
    expect((await loaded({})).info.device).toBe('late')
    const { info, warnings } = await loaded({ kvCache: { maxBytes: 1.8e9 } })
    expect(info.device).toBe('cpu')
    expect(warnings[0]).toContain('needs about 2.1 GB')
    expect(warnings[0]).toContain('or a smaller kvCache.maxBytes (--kv-cache);')
  })

  it('a cache beyond all that the GPU has is refused before weights are read', async () => {
    const onProgress = vi.fn()
    const options = { device: 'cuda', kvCache: { maxBytes: 9e15 }, onProgress } as const
    const error = await expectCode(() => load(undefined, options), 'out_of_memory')
    expect(error.message).toMatch(
      /^kvCache\.maxBytes \(--kv-cache\): expected at most the \d+ bytes of memory that cuda:0 \(late device\) has, got 9000000000000000: take less$/,
    )
    expect(error.value).toBe(9e15)
    expect(onProgress).not.toHaveBeenCalled()
  })

  it('a library that is not there', async () => {
    vi.stubEnv('QUERN_CUDA_LIBRARY', '/nowhere/cuda.so')
    const error = await expectCode(() => load(undefined, { device: 'cuda' }), 'missing_file')
    expect(error.value).toBe('cuda')
    const why =
      /QUERN_CUDA_LIBRARY: \/nowhere\/cuda\.so: expected .*; unset it to use that of @quern\/cuda-linux-x64; /
    expect(error.message).toMatch(why)
    expect((await loaded({})).warnings[0]).toMatch(why)
  })

  it('nothing is downloaded for a GPU that is not there', async () => {
    vi.stubEnv('QUERN_LATE_PROBLEM', 'gone')
    const options = { device: 'cuda', cacheDir: '/nowhere' } as const
    await expectCode(() => load('nobody/nothing', options), 'no_device')
  })

  it('a driver that does not answer in time', async () => {
    vi.stubEnv('QUERN_LATE_WAKES', '500')
    const { problem } = await askCuda({ patience: 10 })
    expect(problem?.code).toBe('no_device')
    expect(problem?.message).toContain('gave no answer within 0.01 seconds')
    expect((await askCuda()).problem).toBeUndefined() // later it is awake
  })

  it('is asked once by many at a time', async () => {
    const states = await Promise.all(Array.from({ length: 20 }, () => askCuda()))
    expect(new Set(states.map(({ probe }) => probe)).size).toBe(1)
  })

  it('doctor tells', async () => {
    const { cuda } = await doctor()
    expect(cuda).toEqual({
      library: lateLibrary,
      driverCuda: '13.0',
      libraryCuda: '13.0',
      devices: [
        {
          index: 0,
          name: 'late device',
          computeCapability: '8.6',
          multiprocessors: 2,
          memoryBytes: expect.any(Number),
          freeBytes: expect.any(Number),
          isa: expect.any(String),
        },
      ],
    })
    const { out } = await quern('doctor')
    expect(out).toContain('driver for CUDA 13.0, library of CUDA 13.0')
    expect(out).toMatch(
      /^cuda:0 +late device, compute capability 8\.6, 2 multiprocessors, [\d.]+ \w+ free of [\d.]+ \w+ of memory: code for \w+$/m,
    )
    expect(out).not.toContain('no GPU')
  })

  it('is named where its work is', async () => {
    const flags = ['--max-tokens', '2', '--seed', '1', '--stats']
    const place = /; on late \w+, late device\n$/
    expect((await quern('generate', 'Once', ...flags)).err).toMatch(place)
    expect((await quern('chat', 'Hi', ...flags)).err).toMatch(place)
    const bench = ['bench', '--prompt', '4', '--generate', '2', '--runs', '1']
    expect((await quern(...bench)).out).toMatch(/^on +late \w+, late device, \d+ threads$/m)
    expect(JSON.parse((await quern(...bench, '--json')).out)).toMatchObject({ deviceName: 'late device' })
    const app = createApp({ models: { a: {} } })
    expect(await app.preload()).toMatchObject([{ deviceName: 'late device' }])
    const { data } = (await (await app.request('/v1/models')).json()) as { data: unknown[] }
    expect(data).toMatchObject([{ details: { device: 'late', device_name: 'late device' } }])
    await app.close()
  })

  it('doctor tells what is wrong', async () => {
    vi.stubEnv('QUERN_LATE_DEVICE_PROBLEM', 'too old: buy one')
    const { out } = await quern('doctor')
    expect(out).toMatch(/^cuda:0 .*: too old: buy one$/m)
    expect(out).not.toMatch(/^cuda:0 .* free/m)
    vi.stubEnv('QUERN_LATE_PROBLEM', 'gone: bring it back')
    const { cuda } = await doctor()
    expect(cuda).toMatchObject({
      devices: [],
      problem: { code: 'no_device', message: 'gone: bring it back' },
    })
    expect((await quern('doctor')).out).toMatch(/^no GPU +gone: bring it back$/m)
  })
})

describe('the package of the CUDA library', () => {
  let root = ''
  beforeEach(() => {
    vi.stubEnv('QUERN_CUDA_LIBRARY', '')
    root = mkdtempSync(join(tmpdir(), 'quern-device-'))
  })
  afterEach(() => rmSync(root, { recursive: true }))

  const put = (name: string, text: string) => {
    mkdirSync(dirname(join(root, name)), { recursive: true })
    writeFileSync(join(root, name), text)
  }
  const driver = () => {
    put('proc/driver/nvidia/version', 'NVRM version: NVIDIA UNIX x86_64 Kernel Module  580.65.06  Sat\n')
    put('dev/nvidiactl', '')
  }
  const install = (version: string) =>
    put('node_modules/@quern/cuda-linux-x64/package.json', JSON.stringify({ version }))
  const places = () => ({ root, folder: root })
  async function chosen() {
    const warnings: string[] = []
    const { plan } = await inspect()
    const { library } = await takeDevice(
      plan as ModelPlan,
      {},
      (message) => warnings.push(message),
      async (device) => device,
      places(),
    )
    return { library, warnings }
  }

  it('nobody wonders where there is no driver, whether it is installed or not', async () => {
    expect(await chosen()).toEqual({ library: '', warnings: [] })
    install(packageVersion())
    expect(await chosen()).toEqual({ library: '', warnings: [] })
    const error = await expectCode(() => expectDevice({ device: 'cuda' }, places()), 'no_device')
    expect(error.message).toMatch(
      /^device: expected an NVIDIA GPU that works for 'cuda': no NVIDIA GPU and no driver of it is here: install/,
    )
    expect(error.message).toContain(others)
    expect(error.value).toBe('cuda')
  })

  it('is damaged, which does not matter without a GPU', async () => {
    put('node_modules/@quern/cuda-linux-x64/package.json', 'null')
    const error = await expectCode(() => expectDevice({ device: 'cuda:0' }, places()), 'no_device')
    expect(error.message).toContain("'cuda:0': no NVIDIA GPU and no driver of it is here")
    expect((await cudaReport(places())).problem?.message).toContain('no NVIDIA GPU')
  })

  it('is of another version, which is told without a GPU too', async () => {
    install('0.0.1')
    const error = await expectCode(() => expectDevice({ device: 'cuda:0' }, places()), 'device_mismatch')
    expect(error.message).toContain(`npm install @quern/cuda-linux-x64@${packageVersion()}`)
    expect((await chosen()).warnings).toEqual([])
  })

  const again = `: install it again: npm install @quern/cuda-linux-x64@${packageVersion()}`

  it('lacks its library', async () => {
    driver()
    install(packageVersion())
    const error = await expectCode(() => expectDevice({ device: 'cuda' }, places()), 'no_device')
    expect(error.message).toMatch(
      /the package @quern\/cuda-linux-x64 is damaged, .*libquern_cuda\.so is missing/,
    )
    expect(error.message).toContain(again)
    expect((await chosen()).warnings[0]).toContain(again)
  })

  it.each(['{"version":', '', 'null', '[1'])('has a package.json that is none: %s', async (text) => {
    driver()
    put('node_modules/@quern/cuda-linux-x64/package.json', text)
    const error = await expectCode(() => expectDevice({ device: 'cuda' }, places()), 'no_device')
    expect(error.message).toContain(`is damaged, its package.json cannot be read${again}`)
  })

  it('is missing', async () => {
    driver()
    const install = `npm install @quern/cuda-linux-x64@${packageVersion()}`
    const { library, warnings } = await chosen()
    expect([library, warnings.length]).toEqual(['', 1])
    expect(warnings[0]).toContain(install)
    const error = await expectCode(() => expectDevice({ device: 'cuda:0' }, places()), 'no_device')
    expect(error.message).toContain(install)
    expect(error.message).toContain('--omit=optional')
    expect(await cudaReport(places())).toMatchObject({ driver: '580.65.06', devices: [] })
  })

  it('is of another version', async () => {
    driver()
    install('0.0.1')
    const { library, warnings } = await chosen()
    expect([library, warnings.length]).toEqual(['', 1])
    const error = await expectCode(() => expectDevice({ device: 'cuda' }, places()), 'device_mismatch')
    const why =
      `expected @quern/cuda-linux-x64 ${packageVersion()}, of the same version as quern, got 0.0.1: ` +
      `npm install @quern/cuda-linux-x64@${packageVersion()}`
    expect(error.message).toBe(`device: expected an NVIDIA GPU that works for 'cuda': ${why}${others}`)
    expect(warnings[0]).toBe(`the model runs on the CPU: ${why}${quiet}`)
    expect((await cudaReport(places())).problem?.code).toBe('device_mismatch')
  })

  it('holds a file that is no library', async () => {
    driver()
    install(packageVersion())
    put('node_modules/@quern/cuda-linux-x64/libquern_cuda.so', 'no library')
    await expectCode(() => expectDevice({ device: 'cuda' }, places()), 'device_mismatch')
    expect((await chosen()).warnings[0]).toMatch(/^the model runs on the CPU: .*libquern_cuda\.so: expected/)
  })
})
