import type { Model } from '../../index.js'
import { unsupported } from '../api-error.js'

export const efforts = ['none', 'minimal', 'low', 'medium', 'high', 'xhigh', 'max'] as const

/**
 * How much a model shall think, in the variables that its chat template has for that: `reasoning_effort`, which takes the word, or
 * `enable_thinking`, which takes a yes or no.
 *
 * @throws {ApiError} where the template has neither, and more is asked than not to think of a model that does not.
 */
export function effortVariables(
  effort: (typeof efforts)[number] | undefined,
  model: Model,
  param = 'reasoning_effort',
): Record<string, unknown> {
  if (effort === undefined) return {}
  const { source } = model.chatTemplate
  if (source.includes('reasoning_effort')) return { reasoning_effort: effort }
  if (source.includes('enable_thinking')) return { enable_thinking: effort !== 'none' }
  if (effort === 'none' && !source.includes('</think>')) return {}
  throw unsupported(param, `${param}: this model's chat template has no way to say how much to think`)
}
