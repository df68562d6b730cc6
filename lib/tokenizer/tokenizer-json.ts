// The JSON that a tokenizer is made of, as text, parsed, or in files.
import { join } from 'node:path'
import { QuernError } from '../errors.js'
import { JsonError, type JsonOptions, parseJsonText } from '../files/json.js'
import { isFile } from '../files/read-file.js'
import { readJson } from '../files/read-json.js'
import { takeData } from '../input/take-data.js'

/** The largest that are known have 35 MB, and 2 million values. */
export const tokenizerOptions = {
  plain: true,
  mapKey: 'vocab',
  maxBytes: 96 * 1024 * 1024,
  maxValues: 4_000_000,
}
/** Hugging Face's libraries read and write it with Python's json, tokenizer.json with a stricter one. */
export const configOptions = { plain: true, dialect: 'python', maxBytes: 16 * 1024 * 1024 } as const

export function parseTokenizerJson(
  json: string | object | undefined,
  name: string,
  options: JsonOptions,
): unknown {
  if (typeof json !== 'string') return takeData(name, json, 'invalid_tokenizer', tokenizerOptions.maxValues)
  try {
    return parseJsonText(json, options)
  } catch (error) {
    throw explain(error, name)
  }
}

export async function readIfThere(
  file: string,
  options: JsonOptions & { maxBytes: number },
): Promise<unknown> {
  if (!(await isFile(file))) return undefined
  try {
    return await readJson(file, options)
  } catch (error) {
    throw explain(error, file)
  }
}

/** tokenizer_config.json; one without added_tokens_decoder is older, and special_tokens_map.json has the last word on special tokens. */
export async function readConfigs(folder: string): Promise<unknown> {
  const config = await readIfThere(join(folder, 'tokenizer_config.json'), configOptions)
  const members = typeof config === 'object' && config !== null ? config : {}
  if ('added_tokens_decoder' in members) return config
  const map = await readIfThere(join(folder, 'special_tokens_map.json'), configOptions)
  return typeof map === 'object' && map !== null && !Array.isArray(map) ? { ...members, ...map } : config
}

function explain(error: unknown, name: string): unknown {
  if (!(error instanceof JsonError)) return error
  return new QuernError('invalid_tokenizer', `${name}: expected JSON: ${error.message}`, { cause: error })
}
