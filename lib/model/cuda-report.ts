import type { QuernErrorCode } from '../errors.js'
import type { NativeProbedDevice } from '../native/device-probe.js'
import { askCuda, type CudaPlaces, errorOf, type FreeMemory, memoryAsker } from './cuda.js'

/**
 * Why a GPU cannot be used, and what to do.
 *
 * @example
 * ```ts
 * const { cuda } = await doctor()
 * const problem: CudaProblem | undefined = cuda.problem
 * if (problem) console.error(problem.code, problem.message)
 * ```
 */
export interface CudaProblem {
  /** 'no_device'; 'device_failed' where it failed in this process; 'device_mismatch' where the library is of another version; 'missing_file' where it is not there. */
  code: QuernErrorCode
  message: string
}

/**
 * One of NVIDIA's GPUs.
 *
 * @example
 * ```ts
 * const { cuda } = await doctor()
 * const describe = ({ name, isa, freeBytes = 0 }: CudaDevice) => `${name}: ${isa}, ${(freeBytes / 1e9).toFixed(0)} GB free`
 * console.log(cuda.devices.map(describe))
 * ```
 */
export interface CudaDevice {
  /** N of `device: 'cuda:N'`. */
  index: number
  /** 'NVIDIA H200' */
  name: string
  /** '9.0' */
  computeCapability: string
  multiprocessors: number
  memoryBytes: number
  /** Absent where it cannot be used. */
  freeBytes?: number
  /** What the code that would run on it is compiled for: 'sm_90a'; 'compute_80' where the driver compiles it first. Absent: there is none. */
  isa?: string
  /** Why it cannot be used. */
  problem?: CudaProblem
}

/**
 * What a machine offers of NVIDIA's GPUs.
 *
 * @example
 * ```ts
 * const { devices, driver }: CudaReport = (await doctor()).cuda
 * ```
 */
export interface CudaReport {
  /** The path of the library that computes on them. */
  library?: string
  /** The version of the driver, where the system tells it: '580.65.06'. */
  driver?: string
  /** The newest CUDA that the driver serves: '13.0'. */
  driverCuda?: string
  /** The CUDA that the library was built with. */
  libraryCuda?: string
  devices: CudaDevice[]
  /** Why there are none, or none can be used. */
  problem?: CudaProblem
}

/** What doctor() tells of GPUs. Opens each that can be used, for its memory. */
export async function cudaReport(places?: CudaPlaces): Promise<CudaReport> {
  const { library, driver, probe, problem } = await askCuda(places)
  const devices = library === undefined ? [] : await describeAll(library, probe?.devices ?? [], places)
  const ofAll = problem ?? (devices.every((device) => device.problem) ? devices[0]?.problem : undefined)
  return {
    ...(library !== undefined && { library }),
    ...(driver !== undefined && { driver }),
    ...(probe?.driverVersion && { driverCuda: version(probe.driverVersion) }),
    ...(probe?.runtimeVersion && { libraryCuda: version(probe.runtimeVersion) }),
    devices,
    ...(ofAll && { problem: { code: ofAll.code, message: ofAll.message } }),
  }
}

async function describeAll(library: string, devices: NativeProbedDevice[], places?: CudaPlaces) {
  const ask = memoryAsker(library, places)
  return Promise.all(
    devices.map(async (device) =>
      describe(device, device.problem ? { problem: errorOf(device.problem) } : await ask(device.index)),
    ),
  )
}

function describe(device: NativeProbedDevice, free: FreeMemory): CudaDevice {
  const { index, name, isa, capabilityMajor, capabilityMinor, multiprocessors } = device
  return {
    index,
    name,
    computeCapability: `${capabilityMajor}.${capabilityMinor}`,
    multiprocessors,
    memoryBytes: device.memoryBytes,
    ...(isa !== '' && { isa }),
    ...(free.problem === undefined
      ? { freeBytes: free.bytes }
      : { problem: { code: free.problem.code, message: free.problem.message } }),
  }
}

/** As CUDA counts: 13010 is 13.1. */
function version(number: number): string {
  return `${Math.floor(number / 1000)}.${Math.floor((number % 1000) / 10)}`
}
