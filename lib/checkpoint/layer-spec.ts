import type { DecoderConfig, LayerSpec } from './decoder-config.js'

/** What tells a layer of the families that there are from one of another. */
export interface LayerSizes {
  heads: number
  kvHeads: number
  headDim: number
  /** 0: none */
  window: number
  qkNorm: boolean
  qkvBias: boolean
  ffn: number
}

/** A pre-norm layer of attention, turned by the first rope, and one gated feed-forward network. */
export function layerSpec({ heads, kvHeads, headDim, window, qkNorm, qkvBias, ffn }: LayerSizes): LayerSpec {
  return {
    mixer: {
      kind: 'attention',
      heads,
      kvHeads,
      headDim,
      window,
      rope: 0,
      alibi: false,
      qkNorm: qkNorm ? 'head' : 'none',
      bias: qkvBias ? 'qkv' : 'none',
      gate: 'none',
      sinks: 'none',
      keysAndValues: 'own',
    },
    ffn: { kind: 'dense', width: ffn, activation: 'silu' },
    norms: 'before',
  }
}

/** How positions can be told to attention. */
export const positionEncodings: readonly PositionEncoding[] = ['rope', 'alibi', 'rope+alibi']

/**
 * How a decoder's layers tell positions apart: `rope` turns queries and keys, `alibi` lowers scores by distance, `rope+alibi` does both.
 *
 * @example
 * ```ts
 * const encoding: PositionEncoding = 'rope+alibi'
 * ```
 */
export type PositionEncoding = 'rope' | 'alibi' | 'rope+alibi'

/** The same decoder, every layer of it with that encoding. */
export function withPositionEncoding(config: DecoderConfig, encoding: PositionEncoding): DecoderConfig {
  const alibi = encoding !== 'rope'
  const layers = config.layers.map(({ mixer, ...layer }) => ({
    ...layer,
    mixer: { ...mixer, alibi, rope: encoding === 'alibi' ? -1 : mixer.rope },
  }))
  return { ...config, layers, ropes: encoding === 'alibi' ? [] : config.ropes }
}
