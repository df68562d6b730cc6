import { QuernError } from '../../index.js'

// The AI SDK knows its errors by marks that Symbol.for() names, of whichever copy of its package they are. So these are such errors, without
// any copy.

/** An error of the AI SDK's, `UnsupportedFunctionalityError` and so on. */
function sdkError(kind: string, message: string, members: object, cause?: unknown): Error {
  const name = `AI_${kind}`
  const error = new Error(message, cause === undefined ? undefined : { cause })
  return Object.assign(error, members, {
    name,
    [Symbol.for('vercel.ai.error')]: true,
    [Symbol.for(`vercel.ai.error.${name}`)]: true,
  })
}

/** What would change the answer and cannot be done. */
export function unsupported(functionality: string, why: string): Error {
  return sdkError('UnsupportedFunctionalityError', `${functionality}: ${why}`, { functionality })
}

export function noSuchModel(modelId: string, modelType: string, why: string): Error {
  return sdkError('NoSuchModelError', `no ${modelType} '${modelId}': ${why}`, { modelId, modelType })
}

/** The codes of what may work a little later. */
const passing = new Map<string, number>([
  ['overloaded', 429],
  ['hub_rate_limited', 429],
  ['hub_unavailable', 503],
])

/**
 * An error as the AI SDK's callers expect it: what may work a little later is an `APICallError` that the SDK tries again, with the
 * `QuernError` as its cause. All else stays what it is.
 */
export function forSdk(error: unknown): unknown {
  const statusCode = error instanceof QuernError ? passing.get(error.code) : undefined
  if (statusCode === undefined) return error
  const { message, code } = error as QuernError
  const members = { url: 'quern:', requestBodyValues: {}, statusCode, isRetryable: true, data: { code } }
  return sdkError('APICallError', message, members, error)
}
