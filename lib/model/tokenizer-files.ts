import { join } from 'node:path'
import { isFile, readExactly, withFile } from './read-file.js'

/** Absolute paths of the files that make a tokenizer. */
export interface TokenizerFiles {
  /** tokenizer.json */
  json: string
  /** tokenizer_config.json */
  config?: string
}

const maxConfigBytes = 16 * 1024 * 1024

/** Looks for a folder's tokenizer and chat template. The tokenizer itself is not read here. */
export async function findTokenizer(
  folder: string,
): Promise<{ tokenizer: TokenizerFiles | undefined; hasChatTemplate: boolean }> {
  const json = join(folder, 'tokenizer.json')
  const config = join(folder, 'tokenizer_config.json')
  const hasConfig = await isFile(config)
  const hasChatTemplate =
    (await isFile(join(folder, 'chat_template.jinja'))) || (hasConfig && (await namesChatTemplate(config)))
  const tokenizer = (await isFile(json)) ? { json, ...(hasConfig && { config }) } : undefined
  return { tokenizer, hasChatTemplate }
}

/** A damaged tokenizer_config.json is for whoever uses it to complain about; ids can be generated without it. */
async function namesChatTemplate(path: string): Promise<boolean> {
  try {
    const text = await withFile(path, async (file) => {
      return file.bytes > maxConfigBytes ? '{}' : (await readExactly(file, 0, file.bytes)).toString('utf8')
    })
    const template: unknown = JSON.parse(text)?.chat_template
    return typeof template === 'string' || Array.isArray(template)
  } catch {
    return false
  }
}
