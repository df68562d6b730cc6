import { QuernError } from '../index.js'

/** Whether what failed is a model's device, and not the request. */
export function isOfDevice(error: unknown): error is QuernError {
  return error instanceof QuernError && (error.code === 'device_failed' || error.code === 'no_device')
}
