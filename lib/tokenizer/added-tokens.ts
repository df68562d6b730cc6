import type { Steps } from '../files/steps.js'
import type { NativeAddedToken } from '../native/binding.js'
import {
  expectArray,
  expectFlag,
  expectId,
  expectObject,
  expectString,
  invalid,
  unsupported,
} from './expect.js'

/** Longer added tokens do not occur, and the search for them takes time in proportion. */
const MAX_CONTENT_BYTES = 1024

/** Far more than models have; the native side takes them in at once. */
const MAX_TOKENS = 100_000

/** `added_tokens` of tokenizer.json, each checked against the vocabulary. */
export function* readAddedTokens(
  value: unknown,
  vocabulary: ReadonlyMap<string, number>,
): Steps<NativeAddedToken[]> {
  const tokens: NativeAddedToken[] = []
  if (value === undefined || value === null) return tokens
  const byContent = new Map<string, number>()
  const byId = new Map<number, string>()
  const entries = expectArray(value, 'added_tokens')
  if (entries.length > MAX_TOKENS) throw invalid('added_tokens', `at most ${MAX_TOKENS}`, value)
  for (const [index, entry] of entries.entries()) {
    if (index % 256 === 0) yield
    const where = `added_tokens[${index}]`
    const token = readAddedToken(expectObject(entry, where), where)
    const known = vocabulary.get(token.content) ?? byContent.get(token.content) ?? token.id
    if (known !== token.id)
      throw invalid(`${where}.id`, `${known}, the id that ${token.content} has already`, token.id)
    const other = byId.get(token.id) ?? token.content
    if (other !== token.content)
      throw invalid(`${where}.id`, `an id of its own, not that of ${other}`, token.id)
    if (byContent.has(token.content)) continue
    byContent.set(token.content, token.id)
    byId.set(token.id, token.content)
    tokens.push(token)
  }
  return tokens
}

/** One added token, as tokenizer.json and tokenizer_config.json both write it. */
export function readAddedToken(entry: Record<string, unknown>, where: string): NativeAddedToken {
  const content = expectString(entry.content, `${where}.content`)
  if (content === '' || /\p{Surrogate}/u.test(content)) throw invalid(`${where}.content`, 'text', content)
  if (Buffer.byteLength(content) > MAX_CONTENT_BYTES)
    throw unsupported(`${where}.content`, `an added token of more than ${MAX_CONTENT_BYTES} bytes`)
  const special = expectFlag(entry.special, `${where}.special`, false)
  return {
    id: expectId(entry.id, `${where}.id`),
    content,
    special,
    lstrip: expectFlag(entry.lstrip, `${where}.lstrip`, false),
    rstrip: expectFlag(entry.rstrip, `${where}.rstrip`, false),
    singleWord: expectFlag(entry.single_word, `${where}.single_word`, false),
    normalized: expectFlag(entry.normalized, `${where}.normalized`, !special),
  }
}
