import type { Model } from '../../index.js'

type Config = Model['info']['config']

/** Multiply-adds that one prompt token costs in the layers' matrices. */
export function matrixProducts({ layers, hidden }: Config): number {
  const widths = layers.map(
    ({ mixer, ffn }) => 2 * (mixer.heads + mixer.kvHeads) * mixer.headDim + 3 * ffn.width,
  )
  return hidden * widths.reduce((sum, width) => sum + width, 0)
}

/** Multiply-adds of a whole prompt: those of its tokens, and of each with all before it that its layer's window leaves. */
export function promptProducts(config: Config, tokens: number): number {
  const pairs = (window: number) => {
    const rows = window === 0 ? tokens : Math.min(window, tokens)
    return rows ** 2 + 2 * rows * (tokens - rows) // each counts twice, for its score and for its value
  }
  const attention = config.layers.map(({ mixer }) => mixer.heads * mixer.headDim * pairs(mixer.window))
  return tokens * matrixProducts(config) + attention.reduce((sum, products) => sum + products, 0)
}
