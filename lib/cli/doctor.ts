import type { Command } from 'commander'
import { type CudaDevice, type CudaReport, doctor, type MachineReport, type MatrixProduct } from '../index.js'
import { formatBytes } from './bytes.js'
import { whole } from './model-flags.js'
import { outputOf } from './output.js'

interface Flags {
  measure?: boolean
  threads?: number
  json?: boolean
}

export function register(program: Command): void {
  const { out, err } = outputOf(program)
  program
    .command('doctor')
    .description(
      'tell what this machine offers: processors, memory, instruction sets, kernels by type of weights, GPUs',
    )
    .option('--measure', 'measure memory and arithmetic too: about a second of all processors')
    .option('--threads <n>', 'measure with that many threads (default: all)', whole)
    .option('--json', 'print one JSON object')
    .action(async ({ measure = false, threads, json }: Flags) => {
      if (measure && process.stderr.isTTY) err('measuring…')
      const report = await doctor({ measure, ...(threads !== undefined && { threads }) })
      if (measure && process.stderr.isTTY) err('\r\x1b[K')
      out(json ? `${JSON.stringify(report, null, 2)}\n` : describe(report))
    })
}

function describe(report: MachineReport): string {
  const { platform, node, processors, availableMemory, isas, products, cuda, limits } = report
  const rows: [string, string][] = [
    ['platform', `${platform}, Node ${node}`],
    ['processors', String(processors)],
    ['free memory', formatBytes(availableMemory)],
    ['instructions', `${isas.join(', ')}; load() takes ${isas.at(-1)}`],
    ...products.filter(({ precision }) => precision === 'fast').map(productRow),
    ...cudaRows(cuda),
    ...libraryRow(process.env.QUERN_DEVICE_LIBRARY),
  ]
  if (limits) {
    const { isa, threads, memoryGBs, gflops } = limits
    rows.push(
      ['measured with', `${isa}, ${threads} threads`],
      ['memory', `${memoryGBs.toFixed(1)} GB/s read`],
      ['arithmetic', `${gflops.toFixed(0)} GFLOP/s in float32`],
      // A token is one pass over the weights, so memory sets the pace.
      ['at most', `${memoryGBs.toFixed(1)} tokens/s for each GB of weights that a token reads`],
    )
  }
  return `${rows.map(([name, value]) => `${name.padEnd(14)} ${value}`).join('\n')}\n`
}

/** Of QUERN_DEVICE_LIBRARY, which is not opened. */
function libraryRow(path = ''): [string, string][] {
  return path === ''
    ? []
    : [['library', `${path} (QUERN_DEVICE_LIBRARY): with device 'auto' models run on it`]]
}

function cudaRows({
  driver,
  driverCuda,
  libraryCuda,
  library,
  devices,
  problem,
}: CudaReport): [string, string][] {
  const versions = [
    ...(driver !== undefined ? [`driver ${driver}`] : []),
    ...(driverCuda !== undefined ? [`driver for CUDA ${driverCuda}`] : []),
    ...(libraryCuda !== undefined ? [`library of CUDA ${libraryCuda}`] : []),
    ...(library !== undefined ? [library] : []),
  ]
  return [
    ...(versions.length > 0 ? [['CUDA', versions.join(', ')] as [string, string]] : []),
    ...devices.map(deviceRow),
    ...(problem && devices.length === 0 ? [['no GPU', problem.message] as [string, string]] : []),
  ]
}

function deviceRow(device: CudaDevice): [string, string] {
  const { index, name, computeCapability, multiprocessors, memoryBytes, freeBytes, isa, problem } = device
  const free = freeBytes === undefined ? '' : `${formatBytes(freeBytes)} free of `
  const memory = `${free}${formatBytes(memoryBytes)} of memory`
  const code = problem?.message ?? `code for ${isa}`
  return [
    `cuda:${index}`,
    `${name}, compute capability ${computeCapability}, ${multiprocessors} multiprocessors, ${memory}: ${code}`,
  ]
}

function productRow({ dtype, format, isa, activations, gops }: MatrixProduct): [string, string] {
  const rounded = activations === 'f32' ? '' : `, activations of 8 bits (float32 with precision 'exact')`
  const limit = gops === undefined ? '' : `: at most ${gops.toFixed(0)} Gop/s`
  return [dtype, `${format}, kernel for ${isa}${rounded}${limit}`]
}
