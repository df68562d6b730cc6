import { join } from 'node:path'
import { isFile, readExactly, withFile } from '../files/read-file.js'

/** Absolute paths of the files that make a tokenizer. */
export interface TokenizerFiles {
  /** tokenizer.json */
  json: string
  /** tokenizer_config.json */
  config?: string
}

const maxConfigBytes = 16 * 1024 * 1024

/** Looks for a folder's tokenizer, which is not read here, and reads its chat template's text. */
export async function findTokenizer(
  folder: string,
): Promise<{ tokenizer: TokenizerFiles | undefined; chatTemplate: string | undefined }> {
  const json = join(folder, 'tokenizer.json')
  const config = join(folder, 'tokenizer_config.json')
  const tokenizer = (await isFile(json)) ? { json, ...((await isFile(config)) && { config }) } : undefined
  const chatTemplate =
    (await readSmall(join(folder, 'chat_template.jinja'))) ?? (await configuredTemplate(config))
  return { tokenizer, chatTemplate }
}

/**
 * `chat_template` of tokenizer_config.json: a text, or several with names, of which 'default' is the one for conversations. A damaged file
 * is for whoever uses it to complain about; ids can be generated without it.
 */
async function configuredTemplate(path: string): Promise<string | undefined> {
  try {
    const template: unknown = JSON.parse((await readSmall(path)) ?? '{}')?.chat_template
    if (typeof template === 'string') return template
    if (!Array.isArray(template)) return undefined
    const chosen = template.length === 1 ? template[0] : template.find(({ name }) => name === 'default')
    return typeof chosen?.template === 'string' ? chosen.template : undefined
  } catch {
    return undefined
  }
}

/** A file's text; undefined where there is none, or something too large to be what it says. */
async function readSmall(path: string): Promise<string | undefined> {
  if (!(await isFile(path))) return undefined
  return withFile(path, async (file) => {
    if (file.bytes > maxConfigBytes) return undefined
    return (await readExactly(file, 0, file.bytes)).toString('utf8')
  })
}
