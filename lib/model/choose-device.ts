import { totalmem } from 'node:os'
import type { ModelPlan } from '../checkpoint/plan.js'
import { QuernError, type QuernErrorCode } from '../errors.js'
import type { NativeProbedDevice } from '../native/device-probe.js'
import { deviceLibrary } from '../native/load-binding.js'
import { askCuda, type CudaPlaces, errorOf, type FreeMemory, memoryAsker, usableDevices } from './cuda.js'
import { inGpuTurn } from './gpu-turns.js'
import type { LoadOptions } from './load-options.js'
import { weightBytes } from './loaded-bytes.js'

/** Where a model will run: a device of a library, or with the path '' the CPU. */
export interface ChosenDevice {
  library: string
  index: number
  /** As people call it. */
  name?: string
  /** Bytes that it has in all, where that is known. */
  memoryBytes?: number
}

const cpu: ChosenDevice = { library: '', index: 0, name: 'this machine', memoryBytes: totalmem() }

/** Throws where the options insist on a GPU that cannot be used: to be called before a model is downloaded. Opens it. */
export async function expectDevice({ device }: LoadOptions, places?: CudaPlaces): Promise<void> {
  if (device?.startsWith('cuda')) await insistedDevice(device, places)
}

/**
 * Has a model take the device that it is to run on. With 'auto' that is the first GPU that works and has room; those after it stay closed, and
 * those before it that are too small; if it fails while it is being taken, the CPU. `warn` hears why there is none where one would expect it.
 */
export async function takeDevice<Taken>(
  plan: ModelPlan,
  options: LoadOptions,
  warn: (message: string) => void,
  take: (device: ChosenDevice) => Promise<Taken>,
  places?: CudaPlaces,
): Promise<Taken> {
  const { device = 'auto', isa = 'auto', signal } = options
  if (device === 'cpu') return take(cpu)
  if (device !== 'auto') {
    const insisted = await insistedDevice(device, places)
    return inGpuTurn(insisted.index, signal, () => take(insisted))
  }
  if (deviceLibrary() !== '') return take({ library: deviceLibrary(), index: 0 })
  if (isa !== 'auto') return take(cpu)
  const state = await askCuda(places)
  const { library } = state
  const usable = usableDevices(state)
  if (library === undefined || usable.length === 0) {
    if (state.isExpected && state.problem) warn(onCpu(state.problem.message))
    return take(cpu)
  }
  const onGpu = await inGpuTurn('any', signal, async () => {
    const needed = neededBytes(plan, options)
    const gpu = await withRoom(needed, usable, memoryAsker(library, places), warn)
    if (gpu === undefined) return undefined
    try {
      return { taken: await take(chosenGpu(library, gpu)) }
    } catch (error) {
      if (!isFailureOfDevice(error, options) || signal?.aborted) throw error
      warn(onCpu(error.message))
      return undefined
    }
  })
  return onGpu ? onGpu.taken : take(cpu)
}

/** The first of these GPUs that has so many bytes. */
async function withRoom(
  needed: number,
  usable: readonly NativeProbedDevice[],
  ask: (index: number) => Promise<FreeMemory>,
  warn: (message: string) => void,
): Promise<NativeProbedDevice | undefined> {
  const [tooSmall, inUse, broken]: [string[], string[], string[]] = [[], [], []]
  for (const device of usable) {
    const name = nameOf(device)
    if (device.memoryBytes < needed) {
      tooSmall.push(`${name} has ${gigabytes(device.memoryBytes)} in all`)
      continue
    }
    const free = await ask(device.index)
    if (free.problem !== undefined) broken.push(`${name}: ${whyOf(free.problem)}`)
    else if (free.bytes < needed) inUse.push(`${name} has ${gigabytes(free.bytes)} free`)
    else return device
  }
  const lacking = [...tooSmall, ...inUse].join(', ')
  const cure =
    (inUse.length > 0 ? 'end what else uses it, or ' : '') +
    "take a smaller dtype ('int8', 'int4') or a smaller kvCache.maxBytes (--kv-cache)"
  const ofMemory = lacking === '' ? [] : [`it needs about ${gigabytes(needed)}, ${lacking}: ${cure}`]
  warn(onCpu([...ofMemory, ...broken].join('; ')))
  return undefined
}

function chosenGpu(library: string, device: NativeProbedDevice): ChosenDevice {
  return { library, index: device.index, name: nameOf(device), memoryBytes: device.memoryBytes }
}

/** Whether a GPU that had room and worked when it was looked at fails with this: others took its memory since then, or it broke. */
function isFailureOfDevice(error: unknown, { kvCache }: LoadOptions): error is QuernError {
  if (!(error instanceof QuernError)) return false
  const codes: readonly QuernErrorCode[] = ['out_of_memory', 'device_failed', 'no_device']
  return (
    codes.includes(error.code) || (error.code === 'kv_cache_too_small' && kvCache?.maxBytes === undefined)
  )
}

/** What is said where 'auto' goes past a GPU. */
function onCpu(why: string): string {
  return `the model runs on the CPU: ${why}; device: 'cpu' asks for no GPU`
}

/** What else than a GPU. */
const others = "device: 'cpu' or 'auto' goes without"
const none = {
  code: 'no_device',
  message: 'none of those that are here can be used: run `quern doctor`',
} as const

/** Of 'cuda' or 'cuda:N'. No GPU is opened but this one. */
async function insistedDevice(device: string, places?: CudaPlaces): Promise<ChosenDevice> {
  const state = await askCuda(places)
  const { library, probe } = state
  const all = probe?.devices ?? []
  const refuse = (problem: Pick<QuernError, 'code' | 'message'>) => {
    if (problem.code === 'native_binding') return problem
    const message = `device: expected an NVIDIA GPU that works for '${device}': ${whyOf(problem)}; ${others}`
    return new QuernError(problem.code, message, { value: device, cause: problem })
  }
  if (library === undefined || all.length === 0) throw refuse(state.problem ?? none)
  const [, wanted] = device.split(':')
  if (wanted !== undefined) {
    const chosen = all.find(({ index }) => index === Number(wanted))
    if (!chosen) {
      const message = `device: expected one of ${all.map(nameOf).join(', ')}, got '${device}'; ${others}`
      throw new QuernError('no_device', message, { value: device })
    }
    if (chosen.problem) throw refuse(errorOf(chosen.problem))
  }
  const usable = usableDevices(state).filter(({ index }) => wanted === undefined || index === Number(wanted))
  const ask = memoryAsker(library, places)
  const problems: QuernError[] = []
  for (const gpu of usable) {
    const { problem } = await ask(gpu.index)
    if (problem === undefined) return chosenGpu(library, gpu)
    problems.push(problem)
  }
  throw refuse(problems[0] ?? state.problem ?? none)
}

/** Tokens that a cache must hold for a GPU to be worth it: whoever wants more says how much. */
const leastTokens = 4096
/** For what lies between operations, and for the driver's own. */
const overhead = 256e6

/** About what a model takes at least of a GPU's memory. */
function neededBytes(plan: ModelPlan, options: LoadOptions): number {
  const { dtype, precision, kvCache, contextLength = plan.config.contextLength } = options
  const weights = weightBytes(plan, dtype)
  const numberBytes = precision === 'exact' ? 4 : 2
  const perToken = plan.config.layers.reduce(
    (sum, { mixer }) => sum + 2 * mixer.kvHeads * mixer.headDim * numberBytes,
    0,
  )
  return weights + (kvCache?.maxBytes ?? perToken * Math.min(contextLength, leastTokens)) + overhead
}

/** Without the option's name before it. */
const whyOf = ({ message }: Pick<QuernError, 'message'>) => message.replace(/^device: /, '')
const gigabytes = (bytes: number) => `${(bytes / 1e9).toFixed(1)} GB`
const nameOf = ({ index, name }: NativeProbedDevice) => `cuda:${index} (${name})`
