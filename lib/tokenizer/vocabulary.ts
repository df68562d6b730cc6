import type { Steps } from '../files/steps.js'
import { writeAlphabetBytes } from './byte-alphabet.js'
import type { Decoder } from './decoder.js'
import { expectObject, invalid, isTokenId } from './expect.js'

/** The members of a native definition that the vocabulary makes. */
export interface CompiledVocabulary {
  tokenBytes: Uint8Array
  tokenOffsets: Uint32Array
  tokenKinds: Uint8Array
}

/** See NativeTokenizerDefinition.tokenKinds. */
export const WORD = 1
const LITERAL = 2
export const BYTE = 3

const byteToken = /^<0x[0-9a-f]{2}>$/i

/** Tokens between two looks at the clock. */
const STEP = 4096

/** `model.vocab`: token text → id, each id once. A Map or an object. */
export function* readVocabulary(
  value: unknown,
): Steps<{ vocabulary: ReadonlyMap<string, number>; ids: Set<number> }> {
  const vocabulary = value instanceof Map ? value : yield* membersOf(value)
  const ids = new Set<number>()
  for (const [text, id] of vocabulary) {
    // Places are put into words only where something is wrong: there are hundreds of thousands of tokens and merges.
    if (!isTokenId(id) || ids.has(id))
      throw invalid(`model.vocab[${JSON.stringify(text)}]`, 'a token id of its own', id)
    ids.add(id)
    if (ids.size % STEP === 0) yield
  }
  if (vocabulary.size === 0) throw invalid('model.vocab', 'tokens', value)
  return { vocabulary: vocabulary as ReadonlyMap<string, number>, ids }
}

function* membersOf(value: unknown): Steps<Map<string, unknown>> {
  const object = expectObject(value, 'model.vocab')
  const members = new Map<string, unknown>()
  for (const key of Object.keys(object)) {
    members.set(key, object[key])
    if (members.size % STEP === 0) yield
  }
  return members
}

/**
 * The bytes of all tokens: where the decoder is byte-level those that the byte alphabet writes, and a text outside it stands for itself, as in
 * the reference's decoder; else all texts as they are spelled.
 */
export function* compileVocabulary(
  vocabulary: ReadonlyMap<string, number>,
  addedTokens: Iterable<{ id: number; content: string }>,
  { isByteLevel, hasBytes }: Pick<Decoder, 'isByteLevel' | 'hasBytes'>,
): Steps<CompiledVocabulary> {
  let size = 0
  let seen = 0
  for (const id of vocabulary.values()) {
    size = Math.max(size, id + 1)
    if (++seen % STEP === 0) yield
  }
  for (const { id } of addedTokens) size = Math.max(size, id + 1)
  // Of this length at once: one large id in a list that grows would make all of it slow.
  const texts = new Array<string | undefined>(size)
  const fromModel = new Uint8Array(size)
  let length = 0
  const put = (text: string, id: number, model: boolean) => {
    texts[id] = text
    fromModel[id] = Number(model)
    length += text.length * 3 // UTF-8 needs at most three bytes for a UTF-16 unit
  }
  for (const [text, id] of vocabulary) {
    put(text, id, true)
    if (++seen % STEP === 0) yield
  }
  for (const { id, content } of addedTokens) {
    const other = texts[id]
    if (other === content) continue
    if (other !== undefined)
      throw invalid(`added token ${JSON.stringify(content)}`, `an id of its own, not that of ${other}`, id)
    put(content, id, false)
  }

  const bytes = new Uint8Array(length)
  const tokenOffsets = new Uint32Array(size + 1)
  const tokenKinds = new Uint8Array(size)
  const encoder = new TextEncoder()
  let end = 0
  for (let id = 0; id < size; id++) {
    if (id % STEP === 0) yield
    const text = texts[id]
    if (text !== undefined && text !== '') {
      const written = isByteLevel ? writeAlphabetBytes(text, bytes, end) : 0
      const isText = isByteLevel ? written > 0 : !/\p{Surrogate}/u.test(text)
      tokenKinds[id] =
        hasBytes && byteToken.test(text) ? BYTE : isText && fromModel[id] === 1 ? WORD : LITERAL
      end += written > 0 ? written : encoder.encodeInto(text, bytes.subarray(end)).written
    }
    tokenOffsets[id + 1] = end
  }
  return { tokenBytes: bytes.slice(0, end), tokenOffsets, tokenKinds }
}
