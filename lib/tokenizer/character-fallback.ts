import type { NativeCharacterFallback } from '../native/tokenizer-definition.js'
import type { Decoder } from './decoder.js'
import { expectFlag, expectString, invalid, type JsonObject, unsupported } from './expect.js'

/** What `model` makes of a character that has no token: its bytes, or the unknown token. */
export function readCharacterFallback(
  model: JsonObject,
  vocabulary: ReadonlyMap<string, number>,
  { hasBytes }: Decoder,
): NativeCharacterFallback {
  const toBytes = expectFlag(model.byte_fallback, 'model.byte_fallback', false)
  if (toBytes && !hasBytes)
    throw unsupported('model.byte_fallback', 'a fallback to bytes, which the decoder lacks (ByteFallback),')
  return {
    byteIds: Int32Array.from({ length: toBytes ? 256 : 0 }, (_, byte) => vocabulary.get(spelled(byte)) ?? -1),
    unknown: readUnknown(model.unk_token, vocabulary),
    fusesUnknown: expectFlag(model.fuse_unk, 'model.fuse_unk', false),
  }
}

function spelled(byte: number): string {
  return `<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`
}

function readUnknown(value: unknown, vocabulary: ReadonlyMap<string, number>): number {
  if (value === undefined || value === null) return -1
  const id = vocabulary.get(expectString(value, 'model.unk_token'))
  if (id === undefined) throw invalid('model.unk_token', 'a token of the vocabulary', value)
  return id
}
