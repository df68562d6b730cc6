import { QuernError, type QuernErrorCode } from '../errors.js'
import type { NativeAnswer } from './binding.js'

/** Runs a call into the addon; the errors of the native core, which carry a code, become `QuernError`s. */
export function callNative<T>(call: () => T): T {
  try {
    return call()
  } catch (error) {
    throw fromNative(error)
  }
}

/** The `QuernError` for an error of the native core; any other value as it is. */
export function fromNative(error: unknown): unknown {
  if (!(error instanceof Error) || error instanceof QuernError) return error
  const { code } = error as { code?: unknown }
  // The codes are members of QuernErrorCode by the contract of native/core/error.h.
  return typeof code === 'string'
    ? new QuernError(code as QuernErrorCode, error.message, { cause: error })
    : error
}

/** Why a request has not the answer that it wants. */
export function failureOf(answer: NativeAnswer): QuernError {
  if (answer.kind === 'failed') return new QuernError(answer.code as QuernErrorCode, answer.message)
  if (answer.kind === 'cancelled') return new QuernError('closed', 'the model was closed meanwhile')
  return new QuernError('internal', `the engine gave an answer of the kind ${answer.kind}`)
}
