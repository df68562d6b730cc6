import type { Range } from '../input/range.js'
import type { Architecture } from './architectures.js'
import type { RopeConfig } from './decoder-config.js'
import type { Fields } from './fields.js'
import { readRopeScaling } from './rope-scaling.js'

const thetaRange: Range = { min: 1e-6, max: 1e15 }
const shareRange: Range = { min: 0, above: true, max: 1 }

/**
 * Reads how queries and keys rotate.
 *
 * @throws {QuernError} `invalid_config`, `unsupported_model`.
 */
export function readRope(
  fields: Fields,
  { defaults, rotary }: Architecture,
  headDim: number,
  maxPositions: number,
): RopeConfig {
  const parameters = fields.object('rope_parameters')
  const older = fields.object('rope_scaling')
  // Guides say to add rope_scaling for long texts: in a config of transformers 5 it stands beside rope_parameters then, and counts.
  const chosen = older?.isEmpty === false ? older : parameters
  const share =
    chosen?.number('partial_rotary_factor', shareRange) ??
    parameters?.number('partial_rotary_factor', shareRange) ??
    fields.number('partial_rotary_factor', shareRange) ??
    1
  const isWhole = rotary === 'whole'
  if (isWhole && share !== 1)
    fields.unsupported(`rotating only a part of each head (partial_rotary_factor ${share}) in this family is`)
  const dim = Math.floor(headDim * share)
  if (dim < 2 || dim % 2 !== 0)
    fields.fail(
      'partial_rotary_factor',
      `a part of head_dim, ${headDim}, that is even, since pairs rotate`,
      share,
    )
  const scaling = readRopeScaling(chosen, {
    dim,
    maxPositions,
    originalContext: isWhole ? undefined : (defaults.originalContext ?? maxPositions),
    topLevel: fields,
  })
  const theta =
    chosen?.number('rope_theta', thetaRange) ??
    parameters?.number('rope_theta', thetaRange) ??
    fields.number('rope_theta', thetaRange) ??
    defaults.ropeTheta
  // Where it begins to stretch is divided by the logarithm of it.
  if (scaling.type === 'yarn' && theta <= 1) fields.fail('rope_theta', 'above 1 beside yarn', theta)
  return { theta, dim, scaling }
}
