import { expect } from 'vitest'
import { QuernError, type QuernErrorCode } from '../../lib/errors.js'

/** Expects a call to fail with a QuernError of the given code, and gives the error. */
export async function expectCode(call: () => unknown, code: QuernErrorCode): Promise<QuernError> {
  try {
    await call()
  } catch (error) {
    expect(error).toBeInstanceOf(QuernError)
    expect((error as QuernError).code, (error as QuernError).message).toBe(code)
    return error as QuernError
  }
  return expect.fail(`expected ${code}, nothing was thrown`)
}
