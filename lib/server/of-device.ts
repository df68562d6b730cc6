import { type ModelInfo, QuernError } from '../index.js'

/** Whether what failed is a model's device, and not the request. */
export function isOfDevice(error: unknown): error is QuernError {
  return error instanceof QuernError && (error.code === 'device_failed' || error.code === 'no_device')
}

/** Whether two models share a GPU, and with it its failure. */
export function shareDevice(one: ModelInfo, other: ModelInfo): boolean {
  return one.device !== 'cpu' && one.device === other.device && one.deviceIndex === other.deviceIndex
}
