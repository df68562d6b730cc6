import { readdir } from 'node:fs/promises'
import { join, sep } from 'node:path'
import { bytesAt, type RepoCache } from './cache.js'
import type { FileRules } from './file-rules.js'

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
export async function findCached(
  cache: RepoCache,
  revision: string,
  { choose }: FileRules,
): Promise<Snapshot | undefined> {
  const commit = await cache.commitOf(revision)
  if (commit === undefined) return undefined
  const path = cache.snapshot(commit)
  const bytesOf = (name: string) => bytesAt(join(path, name))
  try {
    const names = new Set(await namesIn(path))
    const chosen = await choose({ where: path, names, bytesOf, bring: async (name) => join(path, name) })
    const files = await Promise.all(
      [...chosen.small, ...chosen.weights].map(async (name) => ({
        name,
        bytes: (await bytesOf(name)) ?? Number.NaN,
      })),
    )
    return files.some(({ bytes }) => Number.isNaN(bytes)) ? undefined : { path, revision: commit, files }
  } catch {
    return undefined
  }
}

/** The names of what a snapshot holds, as the hub writes them. */
async function namesIn(snapshot: string): Promise<string[]> {
  const names = await readdir(snapshot, { recursive: true })
  return sep === '/' ? names : names.map((name) => name.replaceAll(sep, '/'))
}
