import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { JsonError } from '../files/json.js'
import { readJson } from '../files/read-json.js'
import { bytesAt, type RepoCache } from './cache.js'
import { chooseFiles, maxIndexBytes, shardNames, singleName, templateFolder } from './needed-files.js'

/** A model in the cache, complete. */
export interface Snapshot {
  /** The folder that holds its files; absolute. */
  path: string
  /** The commit. */
  revision: string
  files: { name: string; bytes: number }[]
}

/**
 * What the cache has of a revision, whoever put it there; undefined unless its weights are complete. Downloads fetch them last, so that
 * the rest is there too.
 */
export async function findCached(cache: RepoCache, revision: string): Promise<Snapshot | undefined> {
  const commit = await cache.commitOf(revision)
  if (commit === undefined) return undefined
  const path = cache.snapshot(commit)
  const names = new Set([...(await namesIn(path)), ...(await namesIn(path, templateFolder))])
  try {
    const { small, index } = chooseFiles(path, names)
    const weights = index === undefined ? [singleName] : await readIndex(join(path, index))
    const wanted = [...small, ...(index === undefined ? [] : [index]), ...weights]
    const files = await Promise.all(
      wanted.map(async (name) => ({ name, bytes: (await bytesAt(join(path, name))) ?? Number.NaN })),
    )
    return files.some(({ bytes }) => Number.isNaN(bytes)) ? undefined : { path, revision: commit, files }
  } catch {
    return undefined
  }
}

/** The names of what a folder inside a snapshot holds, as the hub writes them. */
async function namesIn(snapshot: string, folder = ''): Promise<string[]> {
  const names = await readdir(join(snapshot, folder)).catch((): string[] => [])
  return names.map((name) => (folder === '' ? name : `${folder}/${name}`))
}

/** The names of the files that an index in the cache speaks of. */
export async function readIndex(path: string): Promise<string[]> {
  return shardNames(await readWeightMap(path), path)
}

async function readWeightMap(path: string): Promise<unknown> {
  const limits = { maxBytes: maxIndexBytes, maxDepth: 8, maxValues: 2_000_000 }
  try {
    const index = await readJson(path, { ...limits, dialect: 'python' })
    return index instanceof Map ? index.get('weight_map') : undefined
  } catch (error) {
    if (error instanceof JsonError) return undefined
    throw error
  }
}
