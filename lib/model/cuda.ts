import { QuernError, type QuernErrorCode } from '../errors.js'
import { fromNative } from '../native/call-native.js'
import { cudaPackage, packagedCudaLibrary } from '../native/cuda-library.js'
import type { NativeDeviceProbe, NativeProbedDevice, NativeProblem } from '../native/device-probe.js'
import { cudaLibraryOverride, native } from '../native/load-binding.js'
import { packageVersion } from '../package.js'
import { lookForNvidia } from './nvidia.js'

/** Milliseconds that a driver has to answer. The first time it wakes all GPUs, a second each and more. */
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

/** Finds the CUDA library and asks it what there is. Opens nothing where the system shows that there can be nothing. Does not throw. */
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
  // Without a GPU, whatever is wrong with the package does not matter.
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

/** The error for something that is wrong with devices. */
export function errorOf({ code, message }: NativeProblem): QuernError {
  return new QuernError(code as QuernErrorCode, message)
}

async function probe(library: string, state: CudaState, limit = patience): Promise<CudaState> {
  try {
    const found = await withinTime(probing(library), limit)
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

/** By library: a driver that does not answer is asked once, not by one more thread at each load. */
const running = new Map<string, Promise<NativeDeviceProbe>>()

function probing(library: string): Promise<NativeDeviceProbe> {
  const known = running.get(library)
  if (known !== undefined) return known
  const asked = native()
    .probeDevices(library)
    .finally(() => running.delete(library))
  running.set(library, asked)
  return asked
}

async function withinTime<T>(answer: Promise<T>, milliseconds: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    const message = `NVIDIA's driver gave no answer within ${milliseconds / 1000} seconds: look at nvidia-smi and the system's log`
    timer = setTimeout(() => reject(new QuernError('no_device', message)), milliseconds)
  })
  try {
    return await Promise.race([answer, late])
  } finally {
    clearTimeout(timer)
  }
}

function asProblem(error: unknown): QuernError {
  const known = fromNative(error)
  if (known instanceof QuernError) return known
  return new QuernError('no_device', `the CUDA library cannot be asked: ${String(known)}`, { cause: error })
}
