import { QuernError, type QuernErrorCode } from '../errors.js'
import { fromNative } from '../native/call-native.js'
import { cudaPackage, packagedCudaLibrary } from '../native/cuda-library.js'
import type { NativeDeviceProbe, NativeProbedDevice, NativeProblem } from '../native/device-probe.js'
import { cudaLibraryOverride, native } from '../native/load-binding.js'
import { packageVersion } from '../package.js'
import { lookForNvidia } from './nvidia.js'

/** Milliseconds that a driver has to answer what is asked together. The first time it wakes all GPUs, a second each and more. */
const patience = 30_000

/** What this process can know of NVIDIA's GPUs. */
export interface CudaState {
  /** The path of the library that computes on them. */
  library?: string
  /** The version of the driver, where it says it. */
  driver?: string
  /** What the library found. */
  probe?: NativeDeviceProbe
  /** Why nothing of it can be used. */
  problem?: QuernError
  /** Somebody may wonder why it is not used: a driver runs here, or a library was named. */
  isExpected: boolean
}

/** Where to look; for tests. */
export interface CudaPlaces {
  /** The root of the file system. */
  root?: string
  /** The folder that the CUDA library's package is looked for from. */
  folder?: string
  /** How long to wait for the driver, in milliseconds. */
  patience?: number
}

/** Finds the CUDA library and asks it what there is. Opens no GPU, and nothing at all where the system shows that there can be none. Does not throw. */
export async function askCuda(places: CudaPlaces = {}): Promise<CudaState> {
  const override = cudaLibraryOverride()
  if (override !== '') return nameVariable(await probe(override, { isExpected: true }, places.patience))
  const { hasDriver, driver, problem } = lookForNvidia(places.root)
  const state: CudaState = { isExpected: hasDriver, ...(driver !== undefined && { driver }) }
  let library: string | undefined
  let ofPackage: QuernError | undefined
  try {
    library = packagedCudaLibrary(places.folder)
  } catch (error) {
    ofPackage = asProblem(error)
  }
  // Versions that differ are told anywhere, as an install that went wrong; without a GPU nothing else of the package matters.
  if (ofPackage?.code === 'device_mismatch') return { ...state, problem: ofPackage }
  if (problem !== undefined)
    return { ...state, ...(library && { library }), problem: new QuernError('no_device', problem) }
  if (library !== undefined) return probe(library, state, places.patience)
  if (ofPackage !== undefined) return { ...state, problem: ofPackage }
  const missing =
    `the package ${cudaPackage}, which computes on NVIDIA's GPUs, is not installed: ` +
    `npm install ${cudaPackage}@${packageVersion()} (an install with --omit=optional leaves it out)`
  return { ...state, problem: new QuernError('no_device', missing) }
}

/** Those that can be used. */
export function usableDevices({ probe }: CudaState): NativeProbedDevice[] {
  return probe?.devices.filter((device) => device.problem === undefined) ?? []
}

/** The error for something that is wrong with devices. Codes are members of QuernErrorCode by the contract of native/core/error.h. */
export function errorOf({ code, message }: NativeProblem): QuernError {
  return new QuernError(code as QuernErrorCode, message)
}

async function probe(library: string, state: CudaState, limit?: number): Promise<CudaState> {
  try {
    const found = await withinTime(limit)(() => once(library, () => native().probeDevices(library)))
    const first = found.devices[0]
    const broken = found.problem ?? (usableDevices({ ...state, probe: found }).length === 0 && first?.problem)
    return { ...state, library, probe: found, ...(broken && { problem: errorOf(broken) }) }
  } catch (error) {
    return { ...state, library, problem: asProblem(error) }
  }
}

/** A library that cannot be opened, told by what named it. */
function nameVariable(state: CudaState): CudaState {
  const { problem } = state
  if (state.probe !== undefined || problem === undefined || problem.code === 'native_binding') return state
  const message = `QUERN_CUDA_LIBRARY: ${problem.message}; unset it to use that of ${cudaPackage}`
  return {
    ...state,
    problem: new QuernError(problem.code, message, { value: state.library, cause: problem }),
  }
}

/** Free bytes of a GPU, or why it cannot be used after all. */
export type FreeMemory = { bytes: number; problem?: undefined } | { problem: QuernError }

/**
 * Gives what asks a GPU for its free memory. Asking opens it: from then on the process has some hundred megabytes of it until it ends. Does not
 * throw; once the time is up for all that were asked, no other is opened.
 */
export function memoryAsker(library: string, places: CudaPlaces = {}) {
  const inTime = withinTime(places.patience)
  return async (index: number): Promise<FreeMemory> => {
    const ask = () => once(`${library}:${index}`, () => native().freeDeviceMemory(library, index))
    return inTime(ask).then(
      (bytes) => ({ bytes }),
      (error: unknown) => ({ problem: asProblem(error) }),
    )
  }
}

/** By what is asked: a driver that does not answer is asked once, not by one more thread at each load. */
const running = new Map<string, Promise<unknown>>()

function once<T>(question: string, ask: () => Promise<T>): Promise<T> {
  const known = running.get(question)
  if (known !== undefined) return known as Promise<T>
  const asked = ask().finally(() => running.delete(question))
  running.set(question, asked)
  return asked
}

/** The time begins now, for all that is asked one after the other or at once. */
function withinTime(milliseconds = patience): <T>(ask: () => Promise<T>) => Promise<T> {
  const end = performance.now() + milliseconds
  const tooLate = () => {
    const message = `NVIDIA's driver gave no answer within ${milliseconds / 1000} seconds: look at nvidia-smi and the system's log`
    return new QuernError('no_device', message)
  }
  let isOver = false
  return async (ask) => {
    if (isOver) throw tooLate()
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<never>((_, reject) => {
      const giveUp = () => {
        isOver = true
        reject(tooLate())
      }
      timer = setTimeout(giveUp, Math.max(0, end - performance.now()))
    })
    try {
      return await Promise.race([ask(), late])
    } finally {
      clearTimeout(timer)
    }
  }
}

function asProblem(error: unknown): QuernError {
  const known = fromNative(error)
  if (known instanceof QuernError) return known
  return new QuernError('no_device', `the CUDA library cannot be asked: ${String(known)}`, { cause: error })
}
