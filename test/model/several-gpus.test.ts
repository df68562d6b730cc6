// Several GPUs: which is taken, and which are opened for that. The library of test/native/late stands for theirs.
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { doctor, inspect, type LoadOptions, load, type ModelPlan, QuernError } from '../../lib/index.js'
import { type ChosenDevice, takeDevice } from '../../lib/model/choose-device.js'
import type { CudaPlaces } from '../../lib/model/cuda.js'
import { native } from '../../lib/native/load-binding.js'
import { quern } from '../cli/quern.js'
import { lateLibrary } from '../late-library.js'
import { expectCode } from './expect-code.js'

const busy = 'device: GPU 0 cannot be used: busy'
const free = (...each: (number | string)[]) => vi.stubEnv('QUERN_LATE_FREE', each.join(','))
beforeEach(() => {
  vi.stubEnv('QUERN_DEVICE_LIBRARY', '')
  vi.stubEnv('QUERN_CUDA_LIBRARY', lateLibrary)
})
afterEach(() => {
  vi.restoreAllMocks()
  vi.unstubAllEnvs()
})

/** Where the bundled model would go, which GPUs were opened for that, and what was warned of. */
async function chosen(options: LoadOptions, places?: CudaPlaces) {
  const asked = vi.spyOn(native(), 'freeDeviceMemory')
  const warnings: string[] = []
  const warn = (message: string) => warnings.push(message)
  const { plan } = await inspect()
  const { library, index } = await takeDevice(
    plan as ModelPlan,
    options,
    warn,
    async (device) => device,
    places,
  )
  const opened = asked.mock.calls.map(([, device]) => device)
  return { device: library === '' ? 'cpu' : index, opened, warnings }
}

it("'auto' takes the first with room, and opens none after it", async () => {
  free(1e6, 8e9, 8e9)
  expect(await chosen({})).toEqual({ device: 1, opened: [0, 1], warnings: [] })
})

it("'cuda' and 'cuda:2' open no other, whether there is room or not", async () => {
  free(1e6, 8e9, 1e6)
  expect(await chosen({ device: 'cuda' })).toEqual({ device: 0, opened: [0], warnings: [] })
  vi.restoreAllMocks()
  expect(await chosen({ device: 'cuda:2' })).toEqual({ device: 2, opened: [2], warnings: [] })
})

it('one that cannot be opened is passed over, unless somebody insists on it', async () => {
  free(busy, 8e9)
  expect(await chosen({})).toEqual({ device: 1, opened: [0, 1], warnings: [] })
  expect(await chosen({ device: 'cuda' })).toMatchObject({ device: 1, warnings: [] })
  const error = await expectCode(() => load(undefined, { device: 'cuda:0' }), 'no_device')
  expect(error.message).toBe(
    `device: expected an NVIDIA GPU that works for 'cuda:0': GPU 0 cannot be used: busy; device: 'cpu' or 'auto' goes without`,
  )
})

describe('none of which can be taken', () => {
  const quiet = "; device: 'cpu' asks for no GPU"
  const less = "a smaller dtype ('int8', 'int4') or a smaller kvCache.maxBytes (--kv-cache)"

  it('for want of memory that others use, or for something else', async () => {
    free(busy, 1e8, 2e8)
    expect(await chosen({})).toEqual({
      device: 'cpu',
      opened: [0, 1, 2],
      warnings: [
        'the model runs on the CPU: it needs about 0.3 GB, cuda:1 (late device) has 0.1 GB free, cuda:2 (late device) has 0.2 GB free: ' +
          `end what else uses it, or take ${less}; cuda:0 (late device): GPU 0 cannot be used: busy${quiet}`,
      ],
    })
  })

  it('though memory is not the reason', async () => {
    free(busy, 'GPU 1 failed (a fault): restart the process')
    expect((await chosen({})).warnings).toEqual([
      'the model runs on the CPU: cuda:0 (late device): GPU 0 cannot be used: busy; ' +
        `cuda:1 (late device): GPU 1 failed (a fault): restart the process${quiet}`,
    ])
  })

  it('for want of memory in all', async () => {
    await inAll(1e8, 2e8)
    expect((await chosen({})).warnings).toEqual([
      'the model runs on the CPU: it needs about 0.3 GB, cuda:0 (late device) has 0.1 GB in all, cuda:1 (late device) has 0.2 GB in all: ' +
        `take ${less}${quiet}`,
    ])
  })
})

it('none of which can be opened', async () => {
  free(busy, 'gone')
  await expectCode(() => load(undefined, { device: 'cuda', cacheDir: '/nowhere' }), 'no_device')
  const error = await expectCode(() => chosen({ device: 'cuda' }), 'no_device')
  expect(error.message).toContain('GPU 0 cannot be used: busy')
})

it('one that does not answer in time is not followed by another', async () => {
  free(8e9, 8e9)
  let answer = (_bytes: number) => {}
  const asleep = new Promise<number>((resolve) => {
    answer = resolve
  })
  vi.spyOn(native(), 'freeDeviceMemory').mockReturnValue(asleep)
  const { device, opened, warnings } = await chosen({}, { patience: 1000 })
  expect([device, opened]).toEqual(['cpu', [0]])
  expect(warnings[0]).toContain('cuda:0 (late device): NVIDIA')
  expect(warnings[0]).toContain('gave no answer within 1 seconds')
  answer(8e9) // later it is awake
})

describe('several models at once', () => {
  /** What as many loads with 'auto' took, where a GPU has room for one: `fails` says what a GPU fails with. */
  async function takenBy(loads: number, fails?: (gpu: number) => unknown) {
    free(8e9, 8e9)
    const full = new Set<number>()
    const left = async (_: string, gpu: number) => (full.has(gpu) ? 1e6 : 8e9)
    vi.spyOn(native(), 'freeDeviceMemory').mockImplementation(left)
    const warnings: string[] = []
    const { plan } = await inspect()
    const take = async ({ library, index }: ChosenDevice) => {
      await sleep(10)
      if (library === '') return 'cpu'
      const failure = fails?.(index)
      if (failure !== undefined) throw failure
      full.add(index)
      return `cuda:${index}`
    }
    const one = () => takeDevice(plan as ModelPlan, {}, (message) => warnings.push(message), take)
    return { taken: await Promise.allSettled(Array.from({ length: loads }, one)), warnings }
  }
  const placesOf = (taken: PromiseSettledResult<string>[]) =>
    taken.map((one) => (one.status === 'fulfilled' ? one.value : one.reason.code))

  it('see what those before them took', async () => {
    const { taken, warnings } = await takenBy(3)
    expect(placesOf(taken)).toEqual(['cuda:0', 'cuda:1', 'cpu'])
    expect(warnings).toHaveLength(1)
  })

  it('make way where a GPU fails, and where a model does', async () => {
    let failures = [new QuernError('out_of_memory', 'others were faster')]
    const failing = () => failures.shift()
    const others = await takenBy(3, failing)
    expect(placesOf(others.taken)).toEqual(['cpu', 'cuda:0', 'cuda:1'])
    expect(others.warnings).toEqual([
      "the model runs on the CPU: others were faster; device: 'cpu' asks for no GPU",
    ])
    failures = [new QuernError('missing_tensor', 'no such weight')]
    expect(placesOf((await takenBy(2, failing)).taken)).toEqual(['missing_tensor', 'cuda:0'])
  })
})

it('what measures the CPU asks for none', async () => {
  free(5e9, 6e9)
  const asked = [vi.spyOn(native(), 'probeDevices'), vi.spyOn(native(), 'freeDeviceMemory')]
  const flags = ['--device', 'cpu', '--prompt', '2', '--generate', '2', '--runs', '1']
  expect((await quern('bench', ...flags)).out).toMatch(/^generate 2 .* GB\/s \(\d+ % of /m)
  expect((await doctor({ cuda: false })).cuda).toEqual({ devices: [] })
  for (const one of asked) expect(one).not.toHaveBeenCalled()
  await expectCode(() => doctor({ cuda: 1 as unknown as boolean }), 'invalid_option')
})

/** As many GPUs, which have so many bytes in all. */
async function inAll(...each: number[]) {
  free(...each)
  const probed = await native().probeDevices(lateLibrary)
  const devices = probed.devices.map((device) => ({ ...device, memoryBytes: each[device.index] as number }))
  vi.spyOn(native(), 'probeDevices').mockResolvedValue({ ...probed, devices })
}

it('one that is smaller than the weights is refused before they are read', async () => {
  await inAll(8e6, 12e6)
  const onProgress = vi.fn()
  const weights = 10_895_360 // of the bundled model
  const small = await expectCode(() => load(undefined, { device: 'cuda', onProgress }), 'out_of_memory')
  expect(small.message).toBe(
    `device: expected at most the 8000000 bytes of memory that cuda:0 (late device) has, got ${weights} of weights: ` +
      "take a smaller dtype ('int8', 'int4'), another GPU, or device: 'cpu'",
  )
  expect(small.value).toBe(weights)
  const options = { device: 'cuda:1', kvCache: { maxBytes: 2e6 }, onProgress } as const
  const both = await expectCode(() => load(undefined, options), 'out_of_memory')
  expect(both.message).toContain(
    `got ${weights} of weights and 2000000 of kvCache.maxBytes (--kv-cache): take less of that, a smaller dtype`,
  )
  expect(onProgress).not.toHaveBeenCalled()
  const model = await load(undefined, { ...options, kvCache: { maxBytes: 1e6 } })
  expect(model.info.deviceIndex).toBe(1)
  await model.close()
})

it('one that is smaller than the model is not opened', async () => {
  await inAll(1e8, 8e9)
  expect(await chosen({})).toEqual({ device: 1, opened: [1], warnings: [] })
  vi.mocked(native().freeDeviceMemory).mockClear()
  const { device, opened, warnings } = await chosen({ kvCache: { maxBytes: 9e9 } })
  expect([device, opened]).toEqual(['cpu', []])
  expect(warnings[0]).toContain(
    'cuda:0 (late device) has 0.1 GB in all, cuda:1 (late device) has 8.0 GB in all: take a',
  )
})

it('doctor opens each', async () => {
  free(5e9, busy, 6e9)
  const { cuda } = await doctor()
  expect(cuda.problem).toBeUndefined()
  expect(cuda.devices.map(({ freeBytes, problem }) => freeBytes ?? problem)).toEqual([
    5e9,
    { code: 'no_device', message: busy },
    6e9,
  ])
  expect((await quern('doctor')).out).toMatch(
    /^cuda:1 .* multiprocessors, [\d.]+ \wB of memory: device: GPU 0 cannot/m,
  )
  free(busy)
  expect((await doctor()).cuda.problem).toEqual({ code: 'no_device', message: busy })
})
