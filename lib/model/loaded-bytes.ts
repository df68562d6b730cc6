import type { ModelPlan, WeightDtype } from '../checkpoint/plan.js'
import { planText } from '../checkpoint/plan-text.js'
import { QuernError } from '../errors.js'
import { callNative } from '../native/call-native.js'
import { dtypes, quantizations } from '../native/constants.js'
import { native } from '../native/load-binding.js'
import type { Quantization } from './load-options.js'

/**
 * Bytes that a model's weights take in memory, by the `dtype` that `load` is told.
 *
 * @example
 * ```ts
 * const { loadedBytes } = await inspect('random:qwen3-4b')
 * const int4 = (loadedBytes as LoadedBytes).int4 // 2.3e9
 * ```
 */
export type LoadedBytes = Record<'auto' | WeightDtype | Quantization, number>

/** Bytes that the weights take in memory. */
export function weightBytes(plan: ModelPlan, dtype: keyof LoadedBytes = 'auto'): number {
  return weightBytesOf(planText(plan), dtype)
}

const weightBytesOf = (text: string, dtype: keyof LoadedBytes) =>
  callNative(() => native().loadedBytes(text, dtype))

/** What load() would need for the weights of a plan. Nothing where there is no native binary: headers can be read without one. */
export function loadedBytes(plan: ModelPlan): { loadedBytes?: LoadedBytes } {
  try {
    const text = planText(plan)
    const sizes = (['auto', ...dtypes, ...quantizations] as const).map((dtype) => [
      dtype,
      weightBytesOf(text, dtype),
    ])
    return { loadedBytes: Object.fromEntries(sizes) as LoadedBytes }
  } catch (error) {
    if (error instanceof QuernError && error.code === 'native_binding') return {}
    throw error
  }
}
