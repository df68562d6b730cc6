import type { Steps } from '../files/steps.js'
import { limited, readAddedToken, STEP } from './added-tokens.js'
import type { AddedToken, AddedVocabulary } from './added-vocabulary.js'
import { expectObject, invalid, type JsonObject } from './expect.js'

/** What quern takes from tokenizer_config.json. */
export interface TokenizerConfig {
  /** By id: tokens that tokenizer.json may lack, or have with other properties. */
  addedTokens: AddedToken[]
  /** Special tokens by what they are for, and those without a purpose, in the order in which transformers adds those that nobody has. */
  namedTokens: AddedToken[]
  extraTokens: AddedToken[]
  /** The texts of bos_token, eos_token, pad_token, ...: those that the model has. */
  specialTokens: Record<string, string>
}

const file = 'tokenizer_config'
/** In the order in which transformers looks at them. */
const purposes = ['bos_token', 'eos_token', 'unk_token', 'sep_token', 'pad_token', 'cls_token', 'mask_token']

/** Reads tokenizer_config.json; undefined gives an empty one. */
export function* readTokenizerConfig(value: unknown): Steps<TokenizerConfig> {
  const json = value === undefined || value === null ? {} : expectObject(value, file)
  const named = yield* readNamedTokens(json)
  const specialTokens = purposes.flatMap((name) => {
    const token = named.get(name)
    return token === undefined ? [] : [[name, token.content] as const]
  })
  return {
    addedTokens: yield* readDecoder(json.added_tokens_decoder),
    namedTokens: [...named.values()],
    extraTokens: yield* readExtraTokens(json),
    specialTokens: Object.fromEntries(specialTokens),
  }
}

/**
 * Adds the tokens of tokenizer_config.json to those of tokenizer.json, as transformers does: first those of added_tokens_decoder, in the
 * order of their ids, then the special ones that are still missing.
 */
export function* addConfiguredTokens(config: TokenizerConfig, added: AddedVocabulary): Steps<void> {
  for (const [index, token] of config.addedTokens.entries()) {
    if (index % STEP === 0) yield
    added.add(token, `${file}.added_tokens_decoder`)
  }
  for (const [index, token] of config.namedTokens.entries()) {
    if (index % STEP === 0) yield
    added.addSpecial(token, file)
  }
  for (const [index, token] of config.extraTokens.entries()) {
    if (index % STEP === 0) yield
    if (!added.has(token.content)) added.addSpecial(token, `${file}.additional_special_tokens`)
  }
}

function* readDecoder(value: unknown): Steps<AddedToken[]> {
  if (value === undefined || value === null) return []
  const where = `${file}.added_tokens_decoder`
  const tokens: (AddedToken & { id: number })[] = []
  for (const [key, entry] of limited(Object.entries(expectObject(value, where)), where)) {
    if (tokens.length % STEP === 0) yield
    const id = Number(key)
    if (!Number.isInteger(id)) throw invalid(where, 'ids as keys', key)
    tokens.push({ id, ...readAddedToken(expectObject(entry, `${where}[${key}]`), `${where}[${key}]`) })
  }
  return tokens.sort((a, b) => a.id - b.id)
}

/** By name: the known purposes first, then what else a model has a `..._token` for. */
function* readNamedTokens(json: JsonObject): Steps<Map<string, AddedToken>> {
  const others = Object.keys(json).filter(
    (name) => name.endsWith('_token') && !purposes.includes(name) && typeof json[name] === 'string',
  )
  const tokens = new Map<string, AddedToken>()
  for (const [index, name] of limited([...purposes, ...others], file).entries()) {
    if (index % STEP === 0) yield
    const token = readSpecial(json[name], name)
    if (token !== undefined) tokens.set(name, token)
  }
  return tokens
}

/** `extra_special_tokens`, a list or an object by name, or else `additional_special_tokens`, as it was called before. */
function* readExtraTokens(json: JsonObject): Steps<AddedToken[]> {
  const newer = valuesOf(json.extra_special_tokens)
  const values = newer.length > 0 ? newer : valuesOf(json.additional_special_tokens)
  const tokens: AddedToken[] = []
  for (const [index, value] of values.entries()) {
    if (index % STEP === 0) yield
    const token = readSpecial(value, 'additional_special_tokens')
    if (token !== undefined) tokens.push(token)
  }
  return tokens
}

function valuesOf(list: unknown): unknown[] {
  return typeof list === 'object' && list !== null ? limited(Object.values(list), file) : []
}

/** A special token, a text or an object; undefined for anything else. */
function readSpecial(value: unknown, name: string): AddedToken | undefined {
  if (typeof value === 'string') return readAddedToken({ content: value, special: true }, `${file}.${name}`)
  if (typeof value !== 'object' || value === null) return undefined
  const entry = value as JsonObject
  if (typeof entry.content !== 'string') return undefined
  return readAddedToken({ ...entry, special: true }, `${file}.${name}`)
}
