import type { Steps } from '../files/steps.js'
import type { AddedToken, AddedVocabulary } from './added-vocabulary.js'
import {
  expectArray,
  expectFlag,
  expectObject,
  expectString,
  invalid,
  MAX_ADDED_TOKENS,
  unsupported,
} from './expect.js'

/** Longer added tokens do not occur. */
const MAX_CONTENT_BYTES = 1024

/** Tokens between two looks at the clock. */
export const STEP = 256

/** `added_tokens` of tokenizer.json. */
export function* readAddedTokens(value: unknown, added: AddedVocabulary): Steps<void> {
  if (value === undefined || value === null) return
  const entries = expectArray(value, 'added_tokens')
  for (const [index, entry] of limited(entries, 'added_tokens').entries()) {
    if (index % STEP === 0) yield
    const where = `added_tokens[${index}]`
    const token = expectObject(entry, where)
    added.add({ ...readAddedToken(token, where), id: expectAddedId(token.id, `${where}.id`) }, where)
  }
}

/** A list that has no more than models have. */
export function limited<T>(entries: T[], where: string): T[] {
  if (entries.length > MAX_ADDED_TOKENS) throw invalid(where, `at most ${MAX_ADDED_TOKENS}`, entries)
  return entries
}

/** One added token, as tokenizer.json and tokenizer_config.json both write it. */
export function readAddedToken(entry: Record<string, unknown>, where: string): AddedToken {
  const content = expectString(entry.content, `${where}.content`)
  if (/\p{Surrogate}/u.test(content)) throw invalid(`${where}.content`, 'text', content)
  if (Buffer.byteLength(content) > MAX_CONTENT_BYTES)
    throw unsupported(`${where}.content`, `an added token of more than ${MAX_CONTENT_BYTES} bytes`)
  const special = expectFlag(entry.special, `${where}.special`, false)
  return {
    content,
    special,
    lstrip: expectFlag(entry.lstrip, `${where}.lstrip`, false),
    rstrip: expectFlag(entry.rstrip, `${where}.rstrip`, false),
    singleWord: expectFlag(entry.single_word, `${where}.single_word`, false),
    normalized: expectFlag(entry.normalized, `${where}.normalized`, !special),
  }
}

/** The library reads 32 bits. */
function expectAddedId(value: unknown, where: string): number {
  const isId = Number.isInteger(value) && (value as number) >= 0 && (value as number) < 2 ** 32
  if (!isId) throw invalid(where, 'a token id', value)
  return value as number
}
