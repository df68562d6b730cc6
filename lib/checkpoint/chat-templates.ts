import { readdir } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { isFile, readExactly, withFile } from '../files/read-file.js'
import { readJson } from '../files/read-json.js'

/** The texts of a model's chat templates, by name; 'default' is the one for conversations, 'tool_use' the one for those with tools. */
export type ChatTemplates = ReadonlyMap<string, string>

const maxBytes = 16 * 1024 * 1024
/** Real ones have a few kilobytes. */
const maxTemplateBytes = 4 * 1024 * 1024
/** Of templates with names of their own; models that have some have two or three. */
const maxTemplates = 64

/**
 * Reads a folder's chat templates, wherever transformers of some version has put them: chat_template.jinja, which takes the place of those
 * in tokenizer_config.json; additional_chat_templates/NAME.jinja beside it; `chat_template` in tokenizer_config.json, a text, a list of
 * `{ name, template }`, or an object of texts by name; or the same in chat_template.json, where models that see may have the only one. A single
 * one serves for everything, whatever its name.
 */
export async function readChatTemplates(folder: string): Promise<ChatTemplates> {
  const main = await readSmall(join(folder, 'chat_template.jinja'))
  const templates =
    main === undefined
      ? await firstConfigured(
          ['tokenizer_config.json', 'chat_template.json'].map((name) => join(folder, name)),
        )
      : new Map([['default', main]])
  for (const file of await additionalFiles(join(folder, 'additional_chat_templates'))) {
    const template = await readSmall(file)
    if (template !== undefined) templates.set(basename(file, '.jinja'), template)
  }
  const [only] = templates.values()
  if (templates.size === 1 && only !== undefined) templates.set('default', only)
  return templates
}

async function additionalFiles(folder: string): Promise<string[]> {
  const names = await readdir(folder).catch((): string[] => [])
  return names
    .filter((name) => name.endsWith('.jinja'))
    .sort()
    .slice(0, maxTemplates)
    .map((name) => join(folder, name))
}

async function firstConfigured(paths: readonly string[]): Promise<Map<string, string>> {
  for (const path of paths) {
    const templates = await configuredTemplates(path)
    if (templates.size > 0) return templates
  }
  return new Map()
}

/** A damaged file is for whoever uses it to complain about; ids can be generated without it. */
async function configuredTemplates(path: string): Promise<Map<string, string>> {
  let configured: unknown
  try {
    const config = await readJson(path, { plain: true, dialect: 'python', maxBytes })
    configured = (config as unknown as { chat_template?: unknown } | null)?.chat_template
  } catch {
    return new Map()
  }
  if (typeof configured === 'string') return new Map([['default', configured]])
  if (typeof configured !== 'object' || configured === null) return new Map()
  const named: [unknown, unknown][] = Array.isArray(configured)
    ? configured.map((entry: Partial<Record<'name' | 'template', unknown>> | null) => [
        entry?.name,
        entry?.template,
      ])
    : Object.entries(configured)
  return new Map(named.filter(isTemplate))
}

function isTemplate(entry: [unknown, unknown]): entry is [string, string] {
  return entry.every((part) => typeof part === 'string')
}

/** A file's text; undefined where there is none, or something too large to be what it says. */
async function readSmall(path: string): Promise<string | undefined> {
  if (!(await isFile(path))) return undefined
  return withFile(path, async (file) => {
    if (file.bytes > maxTemplateBytes) return undefined
    return (await readExactly(file, 0, file.bytes)).toString('utf8')
  })
}
