// Tokenizers of the golden fixtures, some of which are another one with a few members replaced.
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { Tokenizer } from '../../lib/tokenizer/tokenizer.js'
import { goldenPath, readJson } from '../golden.js'

interface TokenizerJson {
  added_tokens: { id: number; content: string }[]
  model: object
}

const bundledTokenizer = fileURLToPath(new URL('../../models/tiny/tokenizer.json', import.meta.url))

/** tokenizer.json, or another one's with some members replaced. */
export function readTokenizerJson(path: (file: string) => string): TokenizerJson {
  if (existsSync(path('tokenizer.json.gz'))) return readJson(path('tokenizer.json.gz'))
  if (!existsSync(path('overrides.json'))) return readJson(bundledTokenizer)
  const { base, replace } = readJson<{ base: string; replace: Partial<TokenizerJson> }>(
    path('overrides.json'),
  )
  const basePath = base === 'tiny' ? bundledTokenizer : goldenPath('tokenizer', base, 'tokenizer.json.gz')
  const json = readJson<TokenizerJson>(basePath)
  return { ...json, ...replace, model: { ...json.model, ...replace.model } }
}

/** The tokenizer in a folder of fixtures, whose files `path` names. */
export function loadGolden(path: (file: string) => string): Tokenizer {
  const config = path('tokenizer_config.json.gz')
  return Tokenizer.fromJSON(
    readTokenizerJson(path),
    existsSync(config) ? readJson<object>(config) : undefined,
  )
}
