import type { ApiError } from '../api-error.js'

/** What Anthropic's API calls an error of a status. */
const types: Record<number, string> = {
  400: 'invalid_request_error',
  401: 'authentication_error',
  403: 'permission_error',
  404: 'not_found_error',
  413: 'request_too_large',
  429: 'rate_limit_error',
  503: 'overloaded_error',
}

/** An error as Anthropic's API has it. */
export function anthropicErrorBody({ status, message }: ApiError, requestId: string | undefined) {
  const type = types[status] ?? (status < 500 ? 'invalid_request_error' : 'api_error')
  return { type: 'error', error: { type, message }, request_id: requestId }
}
