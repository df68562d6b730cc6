import type { Steps } from '../files/steps.js'
import { writeAlphabetBytes } from './byte-alphabet.js'
import { expectArray, expectObject, invalid, isTokenId } from './expect.js'

/** The members of a native definition that the vocabulary and the merges make. */
export interface CompiledVocabulary {
  tokenBytes: Uint8Array
  tokenOffsets: Uint32Array
  tokenKinds: Uint8Array
}

/** See NativeTokenizerDefinition.tokenKinds. */
const WORD = 1
const LITERAL = 2

/** Tokens or merges between two looks at the clock. */
const STEP = 4096
/** Far more than models have, which is 600,000; the native side takes them in at once. */
const MAX_MERGES = 1_000_000

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

/** The bytes of all tokens. A text outside the byte alphabet stands for itself, as in the reference's decoder. */
export function* compileVocabulary(
  vocabulary: ReadonlyMap<string, number>,
  addedTokens: Iterable<{ id: number; content: string }>,
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
      const written = writeAlphabetBytes(text, bytes, end)
      tokenKinds[id] = written > 0 && fromModel[id] === 1 ? WORD : LITERAL
      end += written > 0 ? written : encoder.encodeInto(text, bytes.subarray(end)).written
    }
    tokenOffsets[id + 1] = end
  }
  return { tokenBytes: bytes.slice(0, end), tokenOffsets, tokenKinds }
}

/** `model.merges` as triples of ids, by rank. Older files write a merge as "a b", newer ones as ["a", "b"]. */
export function* compileMerges(
  value: unknown,
  vocabulary: ReadonlyMap<string, number>,
  tokenKinds: Uint8Array,
): Steps<Int32Array> {
  const merges = expectArray(value, 'model.merges')
  if (merges.length > MAX_MERGES) throw invalid('model.merges', `at most ${MAX_MERGES}`, value)
  const triples = new Int32Array(merges.length * 3)
  let length = 0
  for (let rank = 0; rank < merges.length; rank++) {
    if (rank % STEP === 0) yield
    const [left, right] = readMerge(merges[rank], rank)
    const leftId = vocabulary.get(left)
    const rightId = vocabulary.get(right)
    const resultId = vocabulary.get(left + right)
    if (leftId === undefined || rightId === undefined || resultId === undefined) {
      const missing = leftId === undefined ? left : rightId === undefined ? right : left + right
      throw invalid(`model.merges[${rank}]`, 'tokens of the vocabulary', missing)
    }
    if (tokenKinds[resultId] !== WORD || left === '' || right === '') continue // no text has the characters for it
    triples[length++] = leftId
    triples[length++] = rightId
    triples[length++] = resultId
  }
  return triples.slice(0, length)
}

function readMerge(merge: unknown, rank: number): readonly [string, string] {
  if (typeof merge === 'string') {
    const space = merge.indexOf(' ')
    if (space > 0 && space < merge.length - 1 && merge.indexOf(' ', space + 1) < 0)
      return [merge.slice(0, space), merge.slice(space + 1)]
  } else if (
    Array.isArray(merge) &&
    merge.length === 2 &&
    typeof merge[0] === 'string' &&
    typeof merge[1] === 'string'
  ) {
    return merge as [string, string]
  }
  throw invalid(`model.merges[${rank}]`, '"left right" or ["left", "right"]', merge)
}
