import { QuernError } from '../errors.js'
import { JsonError } from '../files/json.js'
import { quote } from '../files/quote.js'
import { readJson } from '../files/read-json.js'
import type { AvailableFiles, ChosenFiles } from '../hub/file-rules.js'
import { indexLimits, indexName, maxShards, singleName } from './checkpoint.js'

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
const templateFolder = 'additional_chat_templates'
const additionalTemplate = new RegExp(`^${templateFolder}/\\w[\\w.-]*\\.jinja$`)
/** Models that have some have two or three. */
const maxTemplates = 64

/**
 * Chooses among a model's files. The index, where there is one, names those of the weights.
 *
 * @throws {QuernError} `unsupported_format` when there are no safetensors; `invalid_index`, `unsafe_path`.
 */
export async function chooseFiles(files: AvailableFiles): Promise<ChosenFiles> {
  const { where, names } = files
  const single = names.has(singleName)
  if (names.has('config.json') && (single || names.has(indexName))) {
    const templates = [...names].filter((name) => additionalTemplate.test(name)).slice(0, maxTemplates)
    const small = [...smallFiles.filter((name) => names.has(name)), ...templates]
    if (single) return { small, weights: [singleName] }
    return { small: [...small, indexName], weights: await indexedFiles(files) }
  }
  const other = [...names].find((name) => /\.gguf$|^pytorch_model.*\.bin$/.test(name))
  const missing = names.has('config.json') ? `neither ${singleName} nor ${indexName}` : 'no config.json'
  throw new QuernError(
    'unsupported_format',
    `${where}: the model has ${missing}${other === undefined ? '' : `; ${quote(other)} is in a format that is not supported yet`}; choose one with safetensors`,
    { value: where },
  )
}

async function indexedFiles({ where, names, bytesOf, bring }: AvailableFiles): Promise<string[]> {
  const bytes = (await bytesOf(indexName)) ?? 0
  const most = indexLimits.maxBytes
  if (bytes > most) {
    throw new QuernError(
      'invalid_index',
      `${where}: ${indexName} has ${bytes} bytes, at most ${most} are read`,
      {
        value: bytes,
      },
    )
  }
  const shards = await readIndex(await bring(indexName))
  const absent = shards.find((shard) => !names.has(shard))
  if (absent === undefined) return shards
  throw new QuernError(
    'invalid_index',
    `${where}: ${indexName} speaks of ${absent}, which the model does not have`,
    { value: absent },
  )
}

/** The names of the files that an index speaks of. */
export async function readIndex(path: string): Promise<string[]> {
  return shardNames(await readWeightMap(path), path)
}

async function readWeightMap(path: string): Promise<unknown> {
  try {
    const index = await readJson(path, { ...indexLimits, dialect: 'python' })
    return index instanceof Map ? index.get('weight_map') : undefined
  } catch (error) {
    if (error instanceof JsonError) return undefined
    throw error
  }
}

/**
 * The files that an index's map of weights names.
 *
 * @throws {QuernError} `invalid_index`, `unsafe_path`.
 */
function shardNames(weightMap: unknown, where: string): string[] {
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
