/**
 * What went wrong, as a word that programs can compare. The message says the same for people: what was expected, for what, what came,
 * and what to do about it.
 *
 * @example
 * ```ts
 * const retryable: ReadonlySet<QuernErrorCode> = new Set(['overloaded', 'hub_rate_limited', 'hub_unavailable'])
 * ```
 */
export type QuernErrorCode =
  // files: the kinds of damage that a model file or folder can have
  | 'missing_file'
  | 'read_error'
  | 'truncated'
  | 'header_too_large'
  | 'invalid_header'
  | 'invalid_offsets'
  | 'invalid_index'
  | 'invalid_config'
  | 'invalid_tokenizer'
  | 'invalid_plan'
  | 'duplicate_name'
  | 'unknown_dtype'
  | 'wrong_dtype'
  | 'wrong_shape'
  | 'size_mismatch'
  | 'overflow'
  | 'missing_tensor'
  | 'unsafe_path'
  | 'unsupported_model'
  | 'unsupported_format'
  | 'unsupported_tokenizer'
  // requests
  | 'unsupported_option'
  | 'invalid_option'
  | 'invalid_input'
  | 'invalid_token'
  | 'context_overflow'
  | 'kv_cache_too_small'
  | 'no_tokenizer'
  | 'embedding_only'
  | 'overloaded'
  // chat templates: none there, not a template, refuses or fails, takes too long
  | 'no_chat_template'
  | 'invalid_template'
  | 'template_error'
  | 'template_limit'
  | 'already_consumed'
  // sessions: a reply is running; a file that is none, or damaged; a file of another model
  | 'session_busy'
  | 'invalid_session'
  | 'session_mismatch'
  // the hub: no such model or revision, no access, asked too often, out of reach, out of reach by choice, not what was announced
  | 'hub_not_found'
  | 'hub_unauthorized'
  | 'hub_rate_limited'
  | 'hub_unavailable'
  | 'hub_offline'
  | 'hub_checksum'
  // the process and the machine
  | 'disk_full'
  | 'write_error'
  | 'closed'
  | 'cannot_listen'
  | 'cannot_connect'
  | 'out_of_memory'
  | 'native_binding'
  | 'no_device'
  | 'device_mismatch'
  | 'device_failed'
  // what the model computes is no number
  | 'not_finite'
  | 'internal'

/**
 * Every error that quern throws or rejects with, except an aborted signal's own reason.
 *
 * @example
 * ```ts
 * try {
 *   await model.generate('Hello', { temperature: -1 }).text()
 * } catch (error) {
 *   if (error instanceof QuernError) console.log(error.code, error.value, error.message)
 * }
 * ```
 */
export class QuernError extends Error {
  override readonly name = 'QuernError'
  /** The kind of failure. */
  readonly code: QuernErrorCode
  /** The value that was wrong, where there is one that helps. */
  readonly value?: unknown

  constructor(code: QuernErrorCode, message: string, details: { value?: unknown; cause?: unknown } = {}) {
    super(message, 'cause' in details ? { cause: details.cause } : undefined)
    this.code = code
    if ('value' in details) this.value = details.value
  }
}
