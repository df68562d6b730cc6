// What native code and lib/ both know by name: each list stands here once, the types come from it, and NativeBinding declares it, so that
// scripts/check-binding.mjs compares it with the addon's.

/** How one number of a weight, or of keys and values, is stored. */
export const dtypes = ['f32', 'f16', 'bf16'] as const

/** What matrices can become while they are loaded, beside one of `dtypes`: whole numbers in groups of 32 with a scale. */
export const quantizations = ['int8', 'int4'] as const

/** The steps of sampling by the names of their options, in the default order. */
export const samplers = [
  'logitBias',
  'repetitionPenalty',
  'frequencyPenalty',
  'presencePenalty',
  'dry',
  'temperature',
  'topNSigma',
  'topK',
  'topP',
  'minP',
  'typicalP',
  'xtc',
  'mirostat',
] as const

/** Tokens of one page of the KV cache. */
export const pagePositions = 16
