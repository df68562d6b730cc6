import { findUnused, type UnusedTensors } from './left-out.js'
import type { ModelFiles } from './model-files.js'
import type { ModelPlan, PlannedWeight } from './plan.js'
import { planWeights } from './plan-weights.js'

/** A model that is ready to be loaded. */
export interface PlannedModel {
  plan: ModelPlan
  /** An output matrix that is stored although config.json ties it to the embedding; whether it is the same, only its numbers tell. */
  spareHead?: PlannedWeight
  /** Tokens that end a reply: generation_config.json's, or else config.json's. Those outside the vocabulary are left out. */
  stopTokens: number[]
  unused: UnusedTensors
}

/**
 * Plans where every weight comes from, by the config and the headers, which are checked against each other. Tensors that the architecture
 * does not need are not read; `unused` says which they are.
 *
 * @throws {QuernError} `missing_tensor`, `wrong_shape`, `wrong_dtype`.
 */
export function planModel(files: ModelFiles): PlannedModel {
  const { spareHead, used, prefix, ...planned } = planWeights(files)
  const stopTokens = files.generation.stopTokens ?? files.config.stopTokens ?? []
  return {
    plan: { ...planned, files: files.files, ...(files.seed !== undefined && { seed: files.seed }) },
    ...(spareHead !== undefined && { spareHead }),
    unused: findUnused(files, used, prefix),
    stopTokens: [...new Set(stopTokens.filter((token) => token < files.config.decoder.vocab))],
  }
}
