import type { Model } from '../../index.js'

type Config = Model['info']['config']

/** Multiply-adds that one prompt token costs in the layers' matrices. */
export function matrixProducts({ layers, hidden, heads, kvHeads, headDim, ffn }: Config): number {
  return layers * hidden * (2 * heads * headDim + 2 * kvHeads * headDim + 3 * ffn)
}

/** Multiply-adds of a whole prompt: those of its tokens, and of each with all before it. */
export function promptProducts(config: Config, tokens: number): number {
  const { layers, heads, headDim } = config
  return tokens * matrixProducts(config) + layers * heads * headDim * tokens ** 2
}
