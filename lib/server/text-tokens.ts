import { z } from 'zod'
import type { Model } from '../index.js'
import { invalidParam } from './api-error.js'

/** Ids of tokens: as many as any context may have. */
export const tokenIds = z
  .array(
    z
      .int()
      .min(0)
      .max(2 ** 31 - 1),
  )
  .max(2 ** 20)

/** A text as its tokens; tokens stay as they are. Long texts are encoded beside the event loop. */
export async function tokensOf(model: Model, input: string | number[], param: string): Promise<Int32Array> {
  const tokens = typeof input === 'string' ? await model.promptTokens(input) : Int32Array.from(input)
  if (tokens.length === 0) throw invalidParam(param, `${param}: expected one token at least, got none`)
  return tokens
}
