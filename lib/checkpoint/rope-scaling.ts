import type { Range } from '../input/range.js'
import type { RopeScaling } from './decoder-config.js'
import type { Fields } from './fields.js'

const positive: Range = { min: 1e-6, max: 1e12 }
/** Of a longrope, one for each pair. */
const factorRange: Range = { min: 1e-6, max: 1e6 }
/** Tokens of a context. */
export const positions: Range = { min: 1, max: 2 ** 28 }

/** Names of scaling types in config.json, old and new, and ours. */
const types: Readonly<Record<string, RopeScaling['type']>> = {
  default: 'none',
  linear: 'linear',
  dynamic: 'dynamic',
  yarn: 'yarn',
  llama3: 'llama3',
  longrope: 'longrope',
  su: 'longrope',
  // Positions of three parts, for images; in a text the three are equal.
  mrope: 'none',
}
/** What may stand beside no scaling: transformers 5 may write { rope_theta } alone, models that see how mrope cuts heads. */
const withoutType = new Set(['rope_theta', 'mrope_section', 'mrope_interleaved'])

/** What the numbers of a scaling are checked against. */
export interface RopeContext {
  /** `max_position_embeddings` */
  maxPositions: number
  /** How many of a head's numbers rotate. */
  dim: number
  /** What a longrope's original context is where nothing says it; undefined: the family knows no longrope. */
  originalContext: number | undefined
  /** config.json's top level, where phi3 has `original_max_position_embeddings`. */
  topLevel: Fields
}

/**
 * Reads how rotary angles are scaled from `rope_scaling` (transformers 4) or `rope_parameters` (transformers 5). An unknown type is an
 * error: a model that was trained with a scaling talks nonsense without it.
 *
 * @throws {QuernError} `invalid_config`, `unsupported_model`.
 */
export function readRopeScaling(fields: Fields | undefined, context: RopeContext): RopeScaling {
  const none: RopeScaling = { type: 'none', factor: 1, originalContext: context.maxPositions }
  if (fields === undefined) return none
  const key = fields.has('rope_type') ? 'rope_type' : 'type'
  const name = fields.string(key)
  if (name === undefined) {
    for (const other of fields.keys())
      if (!withoutType.has(other) && fields.has(other)) return fields.missing('rope_type')
    return none
  }
  const type = Object.hasOwn(types, name) ? types[name] : undefined
  // As old files of Phi-3 call it.
  if (type === 'yarn' && context.originalContext !== undefined) return readLongrope(fields, context)
  switch (type) {
    case 'none':
      return none
    case 'dynamic':
      // The base's exponent is dim / (dim - 2).
      if (context.dim <= 2) fields.fail(key, 'another one for heads of 2')
      return { ...none, type, factor: fields.requiredNumber('factor', positive) }
    case 'linear':
      return { ...none, type, factor: fields.requiredNumber('factor', positive) }
    case 'yarn':
      return readYarn(fields, context)
    case 'llama3':
      return readLlama3(fields)
    case 'longrope':
      return readLongrope(fields, context)
    default:
      return fields.fail(key, `one of ${Object.keys(types).join(', ')}`)
  }
}

/**
 * How many positions a model takes. linear, dynamic and yarn stretch the trained context by their factor; where
 * `max_position_embeddings` already counts the stretched length, that is at least as much.
 */
export function scaledContext(scaling: RopeScaling, maxPositions: number): number {
  const stretches = scaling.type === 'linear' || scaling.type === 'dynamic' || scaling.type === 'yarn'
  if (!stretches) return maxPositions
  return Math.min(positions.max, Math.max(maxPositions, Math.floor(scaling.factor * scaling.originalContext)))
}

function readYarn(fields: Fields, { maxPositions }: RopeContext): RopeScaling {
  const scaling: RopeScaling = {
    type: 'yarn',
    factor: fields.requiredNumber('factor', positive),
    originalContext: fields.integer('original_max_position_embeddings', positions) ?? maxPositions,
    betaFast: fields.number('beta_fast', positive) ?? 32,
    betaSlow: fields.number('beta_slow', positive) ?? 1,
    truncate: fields.boolean('truncate') ?? true,
  }
  if ((scaling.betaFast ?? 0) < (scaling.betaSlow ?? 0)) fields.fail('beta_fast', `at least beta_slow`)
  const attentionFactor = fields.number('attention_factor', positive)
  if (attentionFactor !== undefined) scaling.attentionFactor = attentionFactor
  // As in transformers, the two count only together, and 0 counts as absent.
  const mscale = fields.number('mscale', { min: 0, max: 1e6 })
  const mscaleAllDim = fields.number('mscale_all_dim', { min: 0, max: 1e6 })
  if (mscale && mscaleAllDim) Object.assign(scaling, { mscale, mscaleAllDim })
  return scaling
}

function readLlama3(fields: Fields): RopeScaling {
  const lowFreqFactor = fields.requiredNumber('low_freq_factor', positive)
  const highFreqFactor = fields.requiredNumber('high_freq_factor', positive)
  if (highFreqFactor <= lowFreqFactor)
    fields.fail('high_freq_factor', `above low_freq_factor, ${lowFreqFactor}`)
  return {
    type: 'llama3',
    factor: fields.requiredNumber('factor', positive),
    originalContext: fields.requiredInteger('original_max_position_embeddings', positions),
    lowFreqFactor,
    highFreqFactor,
  }
}

function readLongrope(fields: Fields, context: RopeContext): RopeScaling {
  const { dim, maxPositions, topLevel } = context
  const factorsOf = (key: string) => {
    const factors = fields.numbers(key, factorRange) ?? fields.missing(key)
    if (factors.length !== dim / 2)
      fields.fail(key, `a list of ${dim / 2} numbers, one for each pair that rotates`)
    return factors
  }
  const stated =
    topLevel.integer('original_max_position_embeddings', positions) ??
    fields.integer('original_max_position_embeddings', positions)
  const originalContext = stated ?? context.originalContext ?? maxPositions
  // How much its scores grow is divided by the logarithm of it.
  if (originalContext < 2 || originalContext > maxPositions)
    fields.fail('original_max_position_embeddings', `2 to ${maxPositions}`, originalContext)
  const attentionFactor = fields.number('attention_factor', positive)
  const [shortFactors, longFactors] = [factorsOf('short_factor'), factorsOf('long_factor')]
  if (context.originalContext === undefined) fields.unsupported('rotary scaling "longrope" of this family is')
  return {
    type: 'longrope',
    factor: maxPositions / originalContext,
    originalContext,
    ...(attentionFactor !== undefined && { attentionFactor }),
    shortFactors,
    longFactors,
  }
}
