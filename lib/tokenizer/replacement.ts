import type { NativeReplacement } from '../native/tokenizer-definition.js'
import { expectObject, expectString, invalid, type JsonObject, unsupported } from './expect.js'

/** Real ones have a character or two. */
const MAX_TEXT_BYTES = 16

/** A `Replace` step of a normalizer or decoder. */
export function readReplacement(step: JsonObject, where: string): NativeReplacement {
  const pattern = expectObject(step.pattern, `${where}.pattern`)
  if (typeof pattern.String !== 'string') {
    if (typeof pattern.Regex === 'string')
      throw unsupported(`${where}.pattern`, `the expression ${pattern.Regex}`, pattern.Regex)
    throw invalid(`${where}.pattern`, '{ "String": string }', step.pattern)
  }
  if (pattern.String === '') throw invalid(`${where}.pattern`, 'a text that is not empty', '')
  return {
    pattern: readShortText(pattern.String, `${where}.pattern`),
    content: readShortText(step.content, `${where}.content`),
  }
}

/** A text that a step puts into others. */
export function readShortText(value: unknown, where: string): string {
  const text = expectString(value, where)
  if (/\p{Surrogate}/u.test(text)) throw invalid(where, 'text', text)
  if (Buffer.byteLength(text) > MAX_TEXT_BYTES)
    throw unsupported(where, `a text of more than ${MAX_TEXT_BYTES} bytes`, text)
  return text
}
