import { checkNumber, invalidOption } from '../input/check-option.js'
import { takeOptions } from '../input/take-options.js'
import { callNative } from '../native/call-native.js'
import { native } from '../native/load-binding.js'
import { checkIsa, runnableIsas } from './isa.js'

/**
 * What a machine offers to quern.
 *
 * @example
 * ```ts
 * const { processors, availableMemory }: MachineReport = await doctor()
 * ```
 */
export interface MachineReport {
  /** 'linux-x64' */
  platform: string
  /** Of Node. */
  node: string
  /** Processors that this process may use, by its affinity and its cgroup. */
  processors: number
  /** Bytes that this process may still take. */
  availableMemory: number
  /** Instruction sets that kernels exist for and that this processor runs; the last is the one that load() takes. */
  isas: string[]
  /** With `measure`. */
  limits?: MachineLimits
}

/**
 * What the machine reached when it was measured: medians, float32.
 *
 * @example
 * ```ts
 * const { limits } = await doctor({ measure: true })
 * if (limits) console.log(`${limits.memoryGBs.toFixed(0)} GB/s`)
 * ```
 */
export interface MachineLimits {
  isa: string
  threads: number
  /** Reading memory in order, in 10^9 bytes per second. */
  memoryGBs: number
  /** Multiply-adds on registers, in 10^9 operations per second, each counted as two. */
  gflops: number
}

/**
 * What {@link doctor} may be told.
 *
 * @example
 * ```ts
 * const options: DoctorOptions = { measure: true, threads: 1 }
 * ```
 */
export interface DoctorOptions {
  /** Measure memory and arithmetic too: about a second of all processors. Default: false. */
  measure?: boolean | undefined
  /** Measure with that many threads. Default: all. */
  threads?: number | undefined
  /** Measure with this instruction set. Default: the best. */
  isa?: string | undefined
}

/**
 * Tells what this machine offers: processors, memory, instruction sets, and with `measure` what they reach.
 *
 * @throws {QuernError} `native_binding` where there is no binary for this platform, `unsupported_option`, `invalid_option`.
 * @example
 * ```ts
 * const { isas, limits } = await doctor({ measure: true })
 * console.log(isas.at(-1), limits?.memoryGBs)
 * ```
 */
export async function doctor(options: DoctorOptions = {}): Promise<MachineReport> {
  const taken = takeOptions('doctor', options, ['measure', 'threads', 'isa'])
  const { measure = false, threads = 0, isa = 'auto' } = taken
  if (typeof measure !== 'boolean') throw invalidOption('measure', 'true or false', measure)
  checkIsa(isa)
  checkNumber('threads', threads, { min: 0, max: 256, integer: true })
  const { processors, availableMemory } = native().machine()
  const isas = runnableIsas()
  const report: MachineReport = {
    platform: `${process.platform}-${process.arch}`,
    node: process.versions.node,
    processors,
    availableMemory,
    isas,
  }
  if (!measure) return report
  const measured = await callNative(() => native().measureMachine(isa, threads))
  return {
    ...report,
    limits: {
      isa: isa === 'auto' ? (isas.at(-1) ?? 'baseline') : isa,
      threads: threads || processors,
      memoryGBs: measured.readBytesPerSecond / 1e9,
      gflops: (2 * measured.multiplyAddsPerSecond) / 1e9,
    },
  }
}
