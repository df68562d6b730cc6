import type { Architecture } from './architectures.js'
import type { DecoderConfig } from './decoder-config.js'
import { type LayerWeightKind, layerShape, type Slot, type WeightKind } from './slots.js'

/** How a checkpoint names what an architecture has. */
export interface StoredNames {
  /** What names begin with, but the head's. */
  prefix: string
  /** The output matrix. */
  head: string
}

/** Of decoders; of those within models that see, by who saved them; of embedding models, which are saved from the layers on. */
const prefixes = ['model.', 'model.language_model.', 'language_model.model.', '']
const headPrefixes = ['', 'language_model.']

/** Finds out how a checkpoint names an architecture's tensors, by those that are there. */
export function findNames(
  { tensors, prefix: usual }: Architecture,
  has: (name: string) => boolean,
): StoredNames {
  const prefixOf = (kind: WeightKind) => [usual, ...prefixes].find((prefix) => has(prefix + tensors[kind]))
  return {
    // A tied model's one matrix may be stored as the head alone.
    prefix: prefixOf('embed') ?? prefixOf('final_norm') ?? usual,
    head: headPrefixes.map((prefix) => prefix + tensors.head).find(has) ?? tensors.head,
  }
}

/** Where a checkpoint keeps the numbers of a slot: rows first, first + 1, … of a tensor. */
export interface StoredPlace {
  name: string
  /** Of the tensor, as its file gives it. */
  shape: number[]
  first: number
}

/** Where a slot's numbers are in a checkpoint of that architecture. */
export function storedPlace(
  { tensors, fused }: Architecture,
  { hidden, layers }: DecoderConfig,
  { kind, layer, rows, cols, vector }: Slot,
  { prefix, head }: StoredNames,
): StoredPlace {
  const name = kind === 'head' ? head : prefix + tensors[kind].replace('{layer}', String(layer))
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
