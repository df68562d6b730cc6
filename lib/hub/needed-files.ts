import { QuernError } from '../errors.js'
import { quote } from '../files/quote.js'

/** Files beside the weights that a model is made of, as far as there are. Everything else on the hub is for others. */
const smallFiles = [
  'config.json',
  'generation_config.json',
  'tokenizer.json',
  'tokenizer_config.json',
  'special_tokens_map.json',
  'added_tokens.json',
  'chat_template.jinja',
  'chat_template.json',
]
/** Chat templates with names of their own. */
export const templateFolder = 'additional_chat_templates'
const additionalTemplate = new RegExp(`^${templateFolder}/\\w[\\w.-]*\\.jinja$`)
/** Models that have some have two or three. */
const maxTemplates = 64

export const singleName = 'model.safetensors'
export const indexName = 'model.safetensors.index.json'
const maxShards = 10_000
/** Of the index. */
export const maxIndexBytes = 64 * 1024 ** 2

/** What to fetch of a model: the index comes first, since it names the rest. */
export interface NeededFiles {
  small: string[]
  /** Undefined for weights in one file. */
  index: string | undefined
}

/**
 * Chooses among a model's files.
 *
 * @throws {QuernError} `unsupported_format` when there are no safetensors.
 */
export function chooseFiles(id: string, names: ReadonlySet<string>): NeededFiles {
  const single = names.has(singleName)
  if (names.has('config.json') && (single || names.has(indexName))) {
    const templates = [...names].filter((name) => additionalTemplate.test(name)).slice(0, maxTemplates)
    const small = [...smallFiles.filter((name) => names.has(name)), ...templates]
    return { small, index: single ? undefined : indexName }
  }
  const other = [...names].find((name) => /\.gguf$|^pytorch_model.*\.bin$/.test(name))
  const missing = names.has('config.json') ? `neither ${singleName} nor ${indexName}` : 'no config.json'
  throw new QuernError(
    'unsupported_format',
    `${id}: the model has ${missing}${other === undefined ? '' : `; ${quote(other)} is in a format that is not supported yet`}; choose one with safetensors`,
    { value: id },
  )
}

/**
 * The files that an index's map of weights names.
 *
 * @throws {QuernError} `invalid_index`, `unsafe_path`.
 */
export function shardNames(weightMap: unknown, where: string): string[] {
  if (!(weightMap instanceof Map)) {
    throw new QuernError('invalid_index', `${where}: expected JSON with a "weight_map"`, { value: where })
  }
  const names = new Set<unknown>(weightMap.values())
  if (names.size === 0 || names.size > maxShards) {
    throw new QuernError('invalid_index', `${where}: ${names.size} files, expected 1 to ${maxShards}`, {
      value: where,
    })
  }
  return [...names].map((name) => {
    if (typeof name === 'string' && isSafeName(name)) return name
    throw new QuernError('unsafe_path', `${where}: ${quote(name)} is no .safetensors file of the model`, {
      value: name,
    })
  })
}

/** Everything that a file system takes and that stays in its folder. A name becomes a part of an address too, where it is escaped. */
function isSafeName(name: string): boolean {
  const isPart = (part: string) => part !== '' && !part.startsWith('.') && Buffer.byteLength(part) <= 255
  return (
    name.length <= 1024 &&
    name.endsWith('.safetensors') &&
    !/[\\:\p{Cc}\p{Surrogate}]/u.test(name) &&
    name.split('/').every(isPart)
  )
}
