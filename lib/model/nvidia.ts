import { closeSync, existsSync, openSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** The oldest driver that serves CUDA 13, which the CUDA library is built with. */
const leastDriver = 580

/** What the system shows of NVIDIA's driver and GPUs, before any library is opened. */
export interface NvidiaTraces {
  /** NVIDIA's driver runs here, or what it serves is in reach. */
  hasDriver: boolean
  /** Its version, as it says it: '580.65.06'. */
  driver?: string
  /** Why no GPU can be used, and the cure. */
  problem?: string
}

/** Looks at /dev, /proc and /sys. `root`: where these lie. */
export function lookForNvidia(root = '/'): NvidiaTraces {
  const path = (name: string) => join(root, name)
  const driver = driverVersion(path('proc/driver/nvidia/version'))
  const nodes = namesIn(path('dev')).filter((name) => /^nvidia(ctl|\d+)$/.test(name))
  const found = { hasDriver: true, ...(driver !== undefined && { driver }) }
  if (driver === undefined && nodes.length === 0) {
    // The Linux of Windows has none of these: its driver comes from outside.
    if (existsSync(path('dev/dxg')) && existsSync(path('usr/lib/wsl/lib/libcuda.so.1'))) return found
    return { hasDriver: false, problem: withoutDriver(root) }
  }
  if (driver !== undefined && Number.parseInt(driver, 10) < leastDriver) {
    const problem = `expected NVIDIA's driver ${leastDriver} or newer, got ${driver}: install a newer one, and restart`
    return { ...found, problem }
  }
  if (nodes.length === 0) {
    const problem =
      "NVIDIA's driver runs, but /dev/nvidia* is not here: start a container with the NVIDIA runtime (docker run --gpus all); " +
      'outside of one, run nvidia-modprobe or nvidia-smi as root'
    return { ...found, problem }
  }
  const closed = whyNoneOpens(nodes, path('dev'))
  if (closed !== undefined) {
    const problem =
      `this user may not open /dev/nvidia* (${closed}): add the user to the group that may (ls -l /dev/nvidia*; often video or render), ` +
      'or let everybody read and write it; a job or a container must have been given a GPU'
    return { ...found, problem }
  }
  return found
}

function withoutDriver(root: string): string {
  return hasNvidiaOnBus(join(root, 'sys/bus/pci/devices'))
    ? `an NVIDIA GPU is here, but its driver is not: install version ${leastDriver} or newer`
    : `no NVIDIA GPU and no driver of it is here: install NVIDIA's driver, version ${leastDriver} or newer; ` +
        'a container or virtual machine must be handed the GPU (docker run --gpus all)'
}

function driverVersion(path: string): string | undefined {
  try {
    return /\b\d{3,}\.\d+(?:\.\d+)?\b/.exec(readFileSync(path, 'utf8'))?.[0]
  } catch {
    return undefined
  }
}

function hasNvidiaOnBus(folder: string): boolean {
  const read = (device: string, file: string) => {
    try {
      return readFileSync(join(folder, device, file), 'utf8').trim()
    } catch {
      return ''
    }
  }
  const [nvidia, display] = ['0x10de', '0x03']
  return namesIn(folder).some(
    (device) => read(device, 'vendor') === nvidia && read(device, 'class').startsWith(display),
  )
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder)
  } catch {
    return []
  }
}

/** One GPU that opens is enough, as long as nvidiactl does: a job sees those of other jobs, and may not open them. */
function whyNoneOpens(nodes: string[], folder: string): string | undefined {
  const [control, gpus] = [
    nodes.filter((name) => name === 'nvidiactl'),
    nodes.filter((name) => name !== 'nvidiactl'),
  ]
  const closed = (names: string[]) => names.flatMap((name) => whyClosed(join(folder, name)))
  const ofGpus = closed(gpus)
  return closed(control)[0] ?? (ofGpus.length === gpus.length ? ofGpus[0] : undefined)
}

/** Found by opening it: what a container forbids, permissions do not show. */
function whyClosed(path: string): string[] {
  try {
    closeSync(openSync(path, 'r+'))
    return []
  } catch (error) {
    return [(error as Error).message]
  }
}
