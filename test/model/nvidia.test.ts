// What /dev, /proc and /sys show, in folders made up to look like them.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { lookForNvidia } from '../../lib/model/nvidia.js'

const kernelModule = (version: string) =>
  `NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  ${version}  Release Build  (dvs-builder)\nGCC version:  gcc version 12.2.0\n`

let root = ''
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'quern-nvidia-'))
})
afterEach(() => rmSync(root, { recursive: true }))

function put(files: Record<string, string>): void {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, name)), { recursive: true })
    writeFileSync(join(root, name), text)
  }
}
const nodes = { 'dev/nvidiactl': '', 'dev/nvidia0': '', 'dev/null': '' }
const driver = (version: string) => ({ 'proc/driver/nvidia/version': kernelModule(version) })
const pci = (at: string, vendor: string, kind: string) => ({
  [`sys/bus/pci/devices/${at}/vendor`]: `${vendor}\n`,
  [`sys/bus/pci/devices/${at}/class`]: `${kind}\n`,
})

describe('lookForNvidia', () => {
  it('finds a driver that serves this user', () => {
    put({ ...nodes, ...driver('580.65.06') })
    expect(lookForNvidia(root)).toEqual({ hasDriver: true, driver: '580.65.06' })
  })

  it('takes the devices of a sandbox that shows no /proc/driver', () => {
    put(nodes)
    expect(lookForNvidia(root)).toEqual({ hasDriver: true })
  })

  it('finds nothing', () => {
    put({ 'dev/null': '' })
    expect(lookForNvidia(root)).toEqual({
      hasDriver: false,
      problem: expect.stringMatching(
        /^no NVIDIA GPU and no driver of it is here: install NVIDIA's driver, version 580 or newer; .*container/,
      ),
    })
    expect(lookForNvidia(join(root, 'nowhere')).hasDriver).toBe(false)
  })

  it('finds a GPU without a driver', () => {
    put({ ...pci('0000:00:01.0', '0x8086', '0x030000'), ...pci('0000:00:02.0', '0x10de', '0x040300') })
    expect(lookForNvidia(root).problem).toContain('no NVIDIA GPU') // NVIDIA's sound is none
    put(pci('0000:01:00.0', '0x10de', '0x030200'))
    const { hasDriver, problem } = lookForNvidia(root)
    expect(hasDriver).toBe(false)
    expect(problem).toBe('an NVIDIA GPU is here, but its driver is not: install version 580 or newer')
  })

  it('finds a driver that is too old', () => {
    put({ ...nodes, ...driver('575.57.08') })
    const { hasDriver, problem } = lookForNvidia(root)
    expect(hasDriver).toBe(true)
    expect(problem).toContain("expected NVIDIA's driver 580 or newer, got 575.57.08")
  })

  it('finds a container without the runtime', () => {
    put({ 'dev/null': '', ...driver('590.12') })
    const { hasDriver, driver: version, problem } = lookForNvidia(root)
    expect([hasDriver, version]).toEqual([true, '590.12'])
    expect(problem).toContain('docker run --gpus all')
  })

  // A folder cannot be opened for writing, not even by root, who may do all else.
  it('finds devices that are closed', () => {
    put({ 'dev/nvidiactl': '', ...driver('580.65.06') })
    mkdirSync(join(root, 'dev/nvidia0'))
    mkdirSync(join(root, 'dev/nvidia1'))
    expect(lookForNvidia(root).problem).toMatch(/^this user may not open .*nvidia0.*video or render/)
  })

  it('takes the GPUs of its own job where those of others are closed', () => {
    put({ 'dev/nvidiactl': '', 'dev/nvidia3': '', ...driver('580.65.06') })
    for (const index of [0, 1, 2, 10]) mkdirSync(join(root, `dev/nvidia${index}`))
    expect(lookForNvidia(root)).toEqual({ hasDriver: true, driver: '580.65.06' })
  })

  it('finds what all GPUs are asked through closed', () => {
    put({ 'dev/nvidia0': '', ...driver('580.65.06') })
    mkdirSync(join(root, 'dev/nvidiactl'))
    expect(lookForNvidia(root).problem).toMatch(/^this user may not open .*nvidiactl/)
  })

  it('knows the Linux of Windows', () => {
    put({ 'dev/dxg': '' })
    expect(lookForNvidia(root).hasDriver).toBe(false)
    put({ 'usr/lib/wsl/lib/libcuda.so.1': '' })
    expect(lookForNvidia(root)).toEqual({ hasDriver: true })
  })
})
