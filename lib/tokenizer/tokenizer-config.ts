import type { Steps } from '../files/steps.js'
import type { NativeAddedToken } from '../native/binding.js'
import { readAddedToken } from './added-tokens.js'
import { expectObject } from './expect.js'

/** What quern takes from tokenizer_config.json. */
export interface TokenizerConfig {
  /** Tokens that tokenizer.json may lack. */
  addedTokens: NativeAddedToken[]
  /** The texts of bos_token, eos_token, pad_token, ...: those that the model has. */
  specialTokens: Record<string, string>
}

/** Reads tokenizer_config.json; undefined gives an empty one. */
export function* readTokenizerConfig(value: unknown): Steps<TokenizerConfig> {
  const config: TokenizerConfig = { addedTokens: [], specialTokens: {} }
  if (value === undefined || value === null) return config
  const file = 'tokenizer_config'
  const json = expectObject(value, file)
  if (json.added_tokens_decoder !== undefined) {
    const where = `${file}.added_tokens_decoder`
    for (const [id, entry] of Object.entries(expectObject(json.added_tokens_decoder, where))) {
      if (config.addedTokens.length % 256 === 0) yield
      const token = expectObject(entry, `${where}[${id}]`)
      config.addedTokens.push(readAddedToken({ ...token, id: Number(id) }, `${where}[${id}]`))
    }
  }
  for (const name of [
    'bos_token',
    'eos_token',
    'pad_token',
    'unk_token',
    'sep_token',
    'cls_token',
    'mask_token',
  ]) {
    const token = json[name]
    const text =
      typeof token === 'object' && token !== null ? (token as { content?: unknown }).content : token
    if (typeof text === 'string') config.specialTokens[name] = text
  }
  return config
}
