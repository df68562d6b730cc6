import type { Range } from '../input/range.js'
import type { Architecture } from './architectures.js'
import type { Fields } from './fields.js'

const windowRange: Range = { min: 1, max: Number.MAX_SAFE_INTEGER }
const firstWindowed: Range = { min: 0, max: 2 ** 31 - 1 }
/** The first layer that has a window that is on, where config.json doesn't say. */
const defaultFirstWindowed = 28

/**
 * Reads how many positions a token sees in each layer, its own included. 0: all before it, as where the window is switched off (Qwen2.5)
 * or no sequence outgrows it (Phi-3 128k).
 *
 * @param longest Tokens of the longest sequence.
 * @throws {QuernError} `invalid_config`, `unsupported_model`.
 */
export function readWindows(
  fields: Fields,
  { window, defaults }: Architecture,
  layers: number,
  longest: number,
): number[] {
  if (window === 'none') return Array.from({ length: layers }, () => 0)
  const isWindowed = window === 'always' ? () => true : readSwitch(fields, layers)
  if (isWindowed === undefined) return Array.from({ length: layers }, () => 0)
  const absent = fields.states('sliding_window') ? undefined : defaults.window
  const stated = fields.integer('sliding_window', windowRange) ?? absent ?? 0
  const positions = stated < longest ? stated : 0
  return Array.from({ length: layers }, (_, layer) => (isWindowed(layer) ? positions : 0))
}

/** Which layers have a window; undefined where it is off. */
function readSwitch(fields: Fields, layers: number): ((layer: number) => boolean) | undefined {
  const types = fields.strings('layer_types')
  const unknown = types?.find((type) => type !== 'full_attention' && type !== 'sliding_attention')
  if (unknown !== undefined) fields.unsupported(`a layer of type ${unknown.slice(0, 80)} is`)
  if (!fields.boolean('use_sliding_window')) return undefined
  if (types !== undefined && types.length !== layers)
    fields.fail('layer_types', `a list of ${layers} types, one for each of num_hidden_layers`)
  if (types !== undefined) return (layer) => types[layer] === 'sliding_attention'
  const first = fields.integer('max_window_layers', firstWindowed) ?? defaultFirstWindowed
  return (layer) => layer >= first
}
