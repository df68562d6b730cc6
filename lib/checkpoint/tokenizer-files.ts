import { join } from 'node:path'
import { isFile } from '../files/read-file.js'

/** Absolute paths of the files that make a tokenizer. */
export interface TokenizerFiles {
  /** tokenizer.json */
  json: string
  /** tokenizer_config.json */
  config?: string
}

/** Looks for a folder's tokenizer, which is not read here. */
export async function findTokenizer(folder: string): Promise<TokenizerFiles | undefined> {
  const json = join(folder, 'tokenizer.json')
  const config = join(folder, 'tokenizer_config.json')
  return (await isFile(json)) ? { json, ...((await isFile(config)) && { config }) } : undefined
}
