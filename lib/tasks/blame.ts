import { QuernError, type QuernErrorCode } from '../errors.js'

/** What can be wrong with one of several inputs, or come of it. */
const codesOfInputs: ReadonlySet<QuernErrorCode> = new Set([
  'invalid_input',
  'invalid_token',
  'context_overflow',
  'kv_cache_too_small',
  'not_finite',
])

/** The same error, which says which of several inputs it is about. */
export function blame(name: string, error: unknown): unknown {
  if (!(error instanceof QuernError) || !codesOfInputs.has(error.code)) return error
  return new QuernError(error.code, `${name}: ${error.message}`, { value: error.value, cause: error })
}
