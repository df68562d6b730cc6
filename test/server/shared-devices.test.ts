import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import type { ModelInfo } from '../../lib/index.js'
import { type Neighbour, SharedDevices } from '../../lib/server/shared-devices.js'

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

const gpu = (deviceIndex: number) => ({ device: 'cuda', deviceIndex }) as ModelInfo

/** Two models, the second on GPU 1 and computing, and what they were asked. */
function served() {
  const asked: string[] = []
  const model = (name: string, busyOn?: number): Neighbour => ({
    freeLost: async () => void asked.push(`${name} freeLost`),
    clearDevice: async (on) => void asked.push(`${name} clearDevice ${on}`),
    isBusyOn: (on) => busyOn !== undefined && (on === undefined || on === busyOn),
    neighbourFailed: (other) => void asked.push(`${name} neighbourFailed ${other}`),
    deviceWorks: (on) => void asked.push(`${name} deviceWorks ${on}`),
  })
  const models = [model('idle'), model('busy', 1)]
  return { devices: new SharedDevices(() => models), asked }
}

it('waits for those who compute on a GPU that failed to be told so, and frees them', async () => {
  const { devices, asked } = served()
  let isClear = false
  const cleared = devices.clear(1).then(() => {
    isClear = true
  })
  await vi.advanceTimersByTimeAsync(100)
  expect(isClear).toBe(false)
  expect(asked).toEqual(['idle clearDevice 1', 'busy clearDevice 1'])
  devices.failed('busy', gpu(1))
  await cleared
  expect(asked.slice(2)).toEqual([
    'idle neighbourFailed busy',
    'busy neighbourFailed busy',
    'idle freeLost',
    'busy freeLost',
  ])
  expect(devices.failures).toBe(1)
})

it('waits no longer than a step takes, and for nobody who is on another GPU', async () => {
  const { devices } = served()
  const cleared = devices.clear(undefined)
  await vi.advanceTimersByTimeAsync(1000)
  await cleared
  expect(vi.getTimerCount()).toBe(0)
  await devices.clear(0)
})

it('tells all of a GPU that took a model', () => {
  const { devices, asked } = served()
  devices.loaded({ device: 'cpu' } as ModelInfo)
  devices.loaded(gpu(1))
  expect(asked).toEqual(['idle deviceWorks 1', 'busy deviceWorks 1'])
})
