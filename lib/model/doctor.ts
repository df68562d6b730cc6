import type { WeightDtype } from '../checkpoint/plan.js'
import { checkNumber, invalidOption } from '../input/check-option.js'
import { takeOptions } from '../input/take-options.js'
import type { NativeProduct } from '../native/binding.js'
import { callNative } from '../native/call-native.js'
import { native } from '../native/load-binding.js'
import { type CudaReport, cudaReport } from './cuda-report.js'
import { checkIsa, runnableIsas } from './isa.js'
import type { Quantization } from './load-options.js'

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
  /** How the CPU multiplies with matrices, for each `dtype` and `precision` of load(). */
  products: MatrixProduct[]
  /** NVIDIA's GPUs, or why there are none. */
  cuda: CudaReport
  /** With `measure`. */
  limits?: MachineLimits
}

/**
 * How this machine multiplies with matrices of one type.
 *
 * @example
 * ```ts
 * const { products } = await doctor()
 * const int4: MatrixProduct | undefined = products.find(({ dtype }) => dtype === 'int4')
 * console.log(int4?.isa, int4?.activations)
 * ```
 */
export interface MatrixProduct {
  /** As load() takes it. */
  dtype: WeightDtype | Quantization
  precision: 'fast' | 'exact'
  /** How the layers' matrices are stored, by GGUF's name: 'Q4_0'. */
  format: string
  /** The instruction set that the kernel is written for; the best that fits, whatever else a processor has. */
  isa: string
  /** What activations are rounded to for it: 'f32' is no rounding. */
  activations: 'f32' | 'int8'
  /**
   * With `measure`: what the kernel's own instructions reach on registers, in 10^9 operations per second, a multiply-add counted as two. In
   * prompts no product is faster.
   */
  gops?: number
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
  /** Tell the products of this instruction set, and measure with it. Default: the best. */
  isa?: string | undefined
  /** false: asks for no GPU, so that none is opened, and `cuda` names none. Default: true. */
  cuda?: boolean | undefined
}

/**
 * Tells what this machine offers: processors, memory, instruction sets, kernels, GPUs, and with `measure` what the processors reach. What is wrong
 * with GPUs is no error here: the report says it, and what to do. To tell how much memory is free it opens each GPU, which takes some hundred
 * megabytes of each until the process ends.
 *
 * @throws {QuernError} `native_binding` where there is no binary for this platform, `unsupported_option`, `invalid_option`.
 * @example
 * ```ts
 * const { isas, limits } = await doctor({ measure: true })
 * console.log(isas.at(-1), limits?.memoryGBs)
 * ```
 */
export async function doctor(options: DoctorOptions = {}): Promise<MachineReport> {
  const taken = takeOptions('doctor', options, ['measure', 'threads', 'isa', 'cuda'])
  const { measure = false, threads = 0, isa = 'auto', cuda = true } = taken
  if (typeof measure !== 'boolean') throw invalidOption('measure', 'true or false', measure)
  if (typeof cuda !== 'boolean') throw invalidOption('cuda', 'true or false', cuda)
  checkIsa(isa)
  checkNumber('threads', threads, { min: 0, max: 256, integer: true })
  const { processors, availableMemory } = native().machine()
  const products = native().products(isa).map(describeProduct)
  const isas = runnableIsas()
  const report: MachineReport = {
    platform: `${process.platform}-${process.arch}`,
    node: process.versions.node,
    processors,
    availableMemory,
    isas,
    products,
    cuda: cuda ? await cudaReport() : { devices: [] },
  }
  if (!measure) return report
  const measured = await callNative(() => native().measureMachine(isa, threads))
  return {
    ...report,
    products: products.map((product, i) => ({
      ...product,
      gops: (2 * (measured.productMultiplyAddsPerSecond[i] as number)) / 1e9,
    })),
    limits: {
      isa: isa === 'auto' ? (isas.at(-1) ?? 'baseline') : isa,
      threads: threads || processors,
      memoryGBs: measured.readBytesPerSecond / 1e9,
      gflops: (2 * measured.multiplyAddsPerSecond) / 1e9,
    },
  }
}

function describeProduct({ dtype, exact, format, isa, int8Activations }: NativeProduct): MatrixProduct {
  return {
    dtype,
    precision: exact ? 'exact' : 'fast',
    format,
    isa,
    activations: int8Activations ? 'int8' : 'f32',
  }
}
