import type { ModelInfo } from '../index.js'

/** Where a model runs: `cuda sm_90a, NVIDIA H200`. */
export function placeOf({
  device,
  deviceName,
  isa,
}: Pick<ModelInfo, 'device' | 'deviceName' | 'isa'>): string {
  return `${device} ${isa}${deviceName === undefined ? '' : `, ${deviceName}`}`
}
