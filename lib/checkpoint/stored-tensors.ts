import type { Architecture } from './architectures.js'
import type { DecoderConfig } from './decoder-config.js'
import { layerShape, type LayerWeightKind, type Slot } from './slots.js'

/** Where a checkpoint keeps the numbers of a slot: rows first, first + 1, … of a tensor. */
export interface StoredPlace {
  name: string
  /** Of the tensor, as its file gives it. */
  shape: number[]
  first: number
}

/**
 * Where a slot's numbers are in a checkpoint of that architecture.
 *
 * @param prefix What names begin with, but the head's.
 */
export function storedPlace(
  { tensors, fused }: Architecture,
  { hidden, layers }: DecoderConfig,
  { kind, layer, rows, cols, vector }: Slot,
  prefix: string,
): StoredPlace {
  const name = (kind === 'head' ? '' : prefix) + tensors[kind].replace('{layer}', String(layer))
  const spec = layer === undefined ? undefined : layers[layer]
  const together = fused.find((kinds) => kinds.includes(kind as LayerWeightKind))
  if (spec === undefined || together === undefined) {
    return { name, shape: vector ? [cols] : [rows, cols], first: 0 }
  }
  const rowsOf = (kinds: readonly LayerWeightKind[]) =>
    kinds.reduce((sum, one) => sum + (layerShape(one, hidden, spec)?.[0] ?? 0), 0)
  const before = together.slice(0, together.indexOf(kind as LayerWeightKind))
  return { name, shape: [rowsOf(together), cols], first: rowsOf(before) }
}
