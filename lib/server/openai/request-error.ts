import { QuernError, type QuernErrorCode } from '../../index.js'
import { ApiError, apiErrorOf } from '../api-error.js'

/** The members of a request by the options that they become. */
const members: Readonly<Record<string, string>> = {
  temperature: 'temperature',
  topP: 'top_p',
  topK: 'top_k',
  minP: 'min_p',
  repetitionPenalty: 'repetition_penalty',
  presencePenalty: 'presence_penalty',
  frequencyPenalty: 'frequency_penalty',
  logitBias: 'logit_bias',
  seed: 'seed',
  stop: 'stop',
  stopTokens: 'stop_token_ids',
  tools: 'tools',
  templateVariables: 'chat_template_kwargs',
}

/** What concerns the text or the conversation as a whole. */
const aboutInput: ReadonlySet<QuernErrorCode> = new Set([
  'invalid_input',
  'invalid_token',
  'context_overflow',
  'kv_cache_too_small',
  'no_chat_template',
  'template_error',
  'template_limit',
])

/**
 * What the library says of a request, in the request's own words: which of its members is wrong.
 *
 * @param input The member that holds the text or the messages.
 */
export function requestError(error: unknown, input: string): unknown {
  if (!(error instanceof QuernError)) return error
  const option = /^\w+(?=[:[.])/.exec(error.message)?.[0] ?? ''
  const member = members[option]
  if (member !== undefined && /^(invalid_option|unsupported_option|invalid_token)$/.test(error.code))
    return told(error, member, member + error.message.slice(option.length))
  if (!aboutInput.has(error.code)) return error
  const { message } = error
  return told(error, input, message.startsWith(input) ? message : `${input}: ${message}`)
}

/** The same of a member of the request. */
export function told(error: QuernError, param: string, message: string): ApiError {
  const { status, code, headers } = apiErrorOf(error)
  const known = code === 'unsupported_option' ? 'unsupported' : code
  return new ApiError(status, known, message, { param, headers, cause: error })
}
