import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { QuernError } from '../errors.js'
import { quote } from '../files/quote.js'
import { isFile } from '../files/read-file.js'
import { inTurns, type Steps } from '../files/steps.js'
import { type Fields, readFields } from './fields.js'
import { readSafetensorsHeader, type SafetensorsHeader, type StoredTensor } from './safetensors.js'

/**
 * The weights of a folder: one file, or several with an index. The index names the files; what they hold, their headers say: an index may be
 * older than its files, and speak of tensors that are elsewhere or nowhere.
 */
export interface Checkpoint {
  files: SafetensorsHeader[]
  /** By name: the tensor, and its file's place in `files`. */
  find(name: string): { file: number; tensor: StoredTensor } | undefined
}

export const singleName = 'model.safetensors'
export const indexName = 'model.safetensors.index.json'
export const maxShards = 10_000
/** Of all files together. */
const maxTensors = 500_000
/** Tensors between two looks at the clock. */
const stepTensors = 1024
export const indexLimits = { maxBytes: 64 * 1024 * 1024, maxDepth: 8, maxValues: 2_000_000 }

/**
 * Reads the headers of a folder's weights: `model.safetensors`, or else the files of `model.safetensors.index.json`.
 *
 * @throws {QuernError} `missing_file`, `unsupported_format`, `invalid_index`, `unsafe_path`, `missing_tensor`, and what
 * `readSafetensorsHeader` throws.
 */
export async function readCheckpoint(folder: string): Promise<Checkpoint> {
  const single = join(folder, singleName)
  if (await isFile(single)) {
    const header = await readSafetensorsHeader(single)
    return { files: [header], find: (name) => withTensor(0, header.tensors.get(name)) }
  }
  const index = join(folder, indexName)
  if (await isFile(index)) return readShards(folder, index)
  throw await explainMissing(folder, `neither ${singleName} nor ${indexName}`)
}

async function readShards(folder: string, index: string): Promise<Checkpoint> {
  const shardOf = await readWeightMap(index)
  const places = new Map<string, number>()
  const files: SafetensorsHeader[] = []
  /** The first file that holds a tensor. */
  const holders = new Map<string, number>()
  for (const name of new Set(shardOf.values())) {
    places.set(name, files.length)
    const file = await readSafetensorsHeader(join(folder, name))
    await inTurns(noteHolder(index, file, files.length, holders))
    files.push(file)
  }
  const findIn = (place: number | undefined, name: string) =>
    place === undefined ? undefined : withTensor(place, files[place]?.tensors.get(name))
  const find = (name: string) =>
    findIn(places.get(shardOf.get(name) ?? ''), name) ?? findIn(holders.get(name), name)
  return { files, find }
}

function* noteHolder(
  index: string,
  { tensors }: SafetensorsHeader,
  place: number,
  holders: Map<string, number>,
): Steps<void> {
  for (const name of tensors.keys()) {
    if (!holders.has(name)) holders.set(name, place)
    if (holders.size % stepTensors === 0) yield
  }
  if (holders.size <= maxTensors) return
  throw new QuernError('invalid_index', `${index}: its files have more than ${maxTensors} tensors`, {
    value: holders.size,
  })
}

async function readWeightMap(index: string): Promise<Map<string, string>> {
  const map = (await readFields(index, 'invalid_index', indexLimits)).object('weight_map')
  if (map === undefined) {
    throw new QuernError('invalid_index', `${index}: "weight_map" is missing`, { value: 'weight_map' })
  }
  return inTurns(readShardsOf(index, map))
}

function* readShardsOf(index: string, map: Fields): Steps<Map<string, string>> {
  const shardOf = new Map<string, string>()
  const shards = new Set<string>()
  for (const tensor of map.keys()) {
    const shard = map.string(tensor) ?? map.missing(tensor)
    if (!shards.has(shard)) checkShardName(index, shard)
    shards.add(shard)
    shardOf.set(tensor, shard)
    if (shardOf.size % stepTensors === 0) yield
  }
  if (shards.size > maxShards) {
    throw new QuernError('invalid_index', `${index}: ${shards.size} files, at most ${maxShards} are read`, {
      value: shards.size,
    })
  }
  return shardOf
}

/** A shard's name must stay inside the folder. Links are followed: the hub's cache is made of them. */
function checkShardName(index: string, shard: string): void {
  const isSafe =
    shard.split('/').every((part) => part !== '' && part !== '.' && part !== '..') && !/[\\:\0]/.test(shard)
  if (!isSafe)
    throw new QuernError('unsafe_path', `${index}: ${quote(shard)} leads out of the folder`, { value: shard })
  if (!shard.endsWith('.safetensors')) {
    throw new QuernError('invalid_index', `${index}: ${quote(shard)} is no .safetensors file`, {
      value: shard,
    })
  }
}

function withTensor(file: number, tensor: StoredTensor | undefined) {
  return tensor === undefined ? undefined : { file, tensor }
}

/** The error for a folder that lacks what is needed: it may hold a model in another format, and then that is what to say. */
export async function explainMissing(folder: string, what: string): Promise<QuernError> {
  const names = await readdir(folder).catch((): string[] => [])
  const isOther = (name: string) => name.endsWith('.gguf') || /^pytorch_model.*\.bin$/.test(name)
  const other = names.some((name) => /^model.*\.safetensors$/.test(name)) ? undefined : names.find(isOther)
  if (other !== undefined) {
    const reason = `${other} is in a format that is not supported yet, only safetensors are`
    return new QuernError('unsupported_format', `${folder}: ${reason}`, { value: other })
  }
  return new QuernError('missing_file', `${folder}: the folder has ${what}`, { value: folder })
}
