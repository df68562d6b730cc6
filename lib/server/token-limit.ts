import { invalidParam } from './api-error.js'
import type { Settings } from './settings.js'

const largestCount = 2 ** 31 - 1

/**
 * Tokens that a request may generate: those that it asks for, or by default as many as the server allows.
 *
 * @throws {ApiError} where it asks for more than that.
 */
export function tokenLimit(
  param: string,
  asked: number | undefined,
  { maxTokens: most }: Settings,
  byDefault = most,
): number | undefined {
  if (asked !== undefined && asked > largestCount)
    throw invalidParam(param, `${param}: expected at most ${largestCount}, got ${asked}`)
  if (asked === undefined)
    return byDefault === undefined || most === undefined ? byDefault : Math.min(byDefault, most)
  if (most === undefined || asked <= most) return asked
  throw invalidParam(param, `${param}: this server generates at most ${most} tokens a request, got ${asked}`)
}
