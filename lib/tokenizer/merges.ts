import type { Steps } from '../files/steps.js'
import { expectArray, invalid, unsupported } from './expect.js'
import { BYTE, WORD } from './vocabulary.js'

/** Merges between two looks at the clock. */
const STEP = 4096
/** Far more than models have, which is 600,000; the native side takes them in at once. */
const MAX_MERGES = 1_000_000

/**
 * `model.merges` as triples of ids, by rank. Older files write a merge as "a b", newer ones as ["a", "b"].
 *
 * @param unknown The token of characters that have none.
 */
export function* compileMerges(
  value: unknown,
  vocabulary: ReadonlyMap<string, number>,
  tokenKinds: Uint8Array,
  unknown = -1,
): Steps<Int32Array> {
  const merges = expectArray(value, 'model.merges')
  if (merges.length > MAX_MERGES) throw invalid('model.merges', `at most ${MAX_MERGES}`, value)
  const triples = new Int32Array(merges.length * 3)
  /** Such tokens stand for characters that have none, and text may spell them too: no model merges them. */
  const isAlone = (id: number) => id === unknown || tokenKinds[id] === BYTE
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
    if (isAlone(leftId) || isAlone(rightId) || tokenKinds[resultId] === BYTE)
      throw unsupported(
        `model.merges[${rank}]`,
        'a merge of single bytes or of what is unknown',
        merges[rank],
      )
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
