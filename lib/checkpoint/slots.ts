import type { DecoderConfig, LayerSpec } from './decoder-config.js'
import type { PlannedWeight } from './plan.js'

/** The kinds of weight in a layer, in the order of a plan. Biases and head norms are there only where the layer has them. */
export const layerWeights = [
  'attention_norm',
  'q',
  'k',
  'v',
  'q_bias',
  'k_bias',
  'v_bias',
  'q_norm',
  'k_norm',
  'o',
  'ffn_norm',
  'gate',
  'up',
  'down',
] as const

/** What a weight of a layer is for. */
export type LayerWeightKind = (typeof layerWeights)[number]
/** What a weight is for, without its layer. */
export type WeightKind = 'embed' | 'final_norm' | 'head' | LayerWeightKind

/** A place for a weight: its name in a plan and its shape. */
export interface Slot extends Pick<PlannedWeight, 'slot' | 'rows' | 'cols'> {
  kind: WeightKind
  /** Absent for embed, final_norm and head. */
  layer?: number
  /** A vector: one dimension in a file. */
  vector: boolean
}

/** All slots of a decoder, in the order of a plan: embed, the layers, final_norm, and head unless it is the embedding. */
export function* weightSlots(config: DecoderConfig): Generator<Slot> {
  const { hidden, vocab } = config
  yield { slot: 'embed', kind: 'embed', rows: vocab, cols: hidden, vector: false }
  for (const [layer, spec] of config.layers.entries()) {
    for (const kind of layerWeights) {
      const shape = layerShape(kind, hidden, spec)
      if (shape === undefined) continue
      const [rows, cols] = shape
      yield { slot: `layers.${layer}.${kind}`, kind, layer, rows, cols, vector: /_(norm|bias)$/.test(kind) }
    }
  }
  yield { slot: 'final_norm', kind: 'final_norm', rows: 1, cols: hidden, vector: true }
  if (!config.tiedEmbeddings) yield headSlot(config)
}

/** The output matrix, where it is not the embedding. */
export function headSlot({ hidden, vocab }: DecoderConfig): Slot {
  return { slot: 'head', kind: 'head', rows: vocab, cols: hidden, vector: false }
}

/** [rows, cols], or undefined where the layer has no such weight. */
export function layerShape(
  kind: LayerWeightKind,
  hidden: number,
  { mixer, ffn }: LayerSpec,
): [number, number] | undefined {
  const queries = mixer.heads * mixer.headDim
  const keys = mixer.kvHeads * mixer.headDim
  switch (kind) {
    case 'attention_norm':
    case 'ffn_norm':
      return [1, hidden]
    case 'q':
      return [queries, hidden]
    case 'k':
    case 'v':
      return [keys, hidden]
    case 'q_bias':
      return mixer.bias === 'qkv' ? [1, queries] : undefined
    case 'k_bias':
    case 'v_bias':
      return mixer.bias === 'qkv' ? [1, keys] : undefined
    case 'q_norm':
    case 'k_norm':
      return mixer.qkNorm === 'head' ? [1, mixer.headDim] : undefined
    case 'o':
      return [hidden, queries]
    case 'gate':
    case 'up':
      return [ffn.width, hidden]
    case 'down':
      return [hidden, ffn.width]
  }
}
