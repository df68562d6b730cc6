import { QuernError } from '../errors.js'
import { JsonError, parseJsonPieces } from '../files/json.js'
import { quote } from '../files/quote.js'
import { inTurns, type Steps } from '../files/steps.js'
import type { HubClient } from './client.js'
import { isCommit, type Repo } from './repo.js'
import { Transient } from './retry.js'

/** A file as the hub announces it. */
export interface RemoteFile {
  name: string
  bytes: number
  /** sha256 (64 digits), or the hash that git gives a blob (40). It names the blob in the cache. */
  hash: string
}

/** What a model consists of, at a commit. */
export interface Listing {
  commit: string
  /** Files by name; a hub may leave out what they are, then they are asked for one by one. */
  files: Map<string, RemoteFile | undefined>
}

const maxListingBytes = 32 * 1024 ** 2
/** About 170,000 files. */
const maxListingValues = 4_000_000
/** More than any file system takes. */
const maxFileBytes = 2 ** 43

/** Asks the hub which commit a revision is, and which files it has. */
export async function fetchListing(
  client: HubClient,
  { id, revision }: Repo,
  signal: AbortSignal,
): Promise<Listing> {
  const path = `/api/models/${id}/revision/${encodeURIComponent(revision)}?blobs=true`
  const where = `${client.endpoint}${path}`
  const answer = await client.retry(signal, () =>
    client.send({ path, isSmall: true }, signal, ({ body }) => readAnswer(body, where)),
  )
  const { sha, siblings } = answer
  if (!isCommit(sha) || !Array.isArray(siblings)) {
    throw new QuernError(
      'hub_unavailable',
      `${where}: expected a model's commit and files, got something else; check HF_ENDPOINT`,
    )
  }
  return { commit: sha, files: await inTurns(readSiblings(siblings)) }
}

/** What is no JSON is as good as an empty object. */
async function readAnswer(
  body: AsyncIterable<Uint8Array>,
  where: string,
): Promise<{ sha?: unknown; siblings?: unknown }> {
  try {
    const limits = { maxBytes: maxListingBytes, maxValues: maxListingValues }
    return ((await parseJsonPieces(body, { ...limits, plain: true })) ?? {}) as object
  } catch (error) {
    if (!(error instanceof JsonError)) throw error
    if (error.kind !== 'too_large') return {}
    throw new QuernError(
      'hub_unavailable',
      `${where}: the list of files is longer than ${maxListingBytes} bytes, or holds more than a model's (${error.message}); check HF_ENDPOINT`,
    )
  }
}

function* readSiblings(siblings: readonly unknown[]): Steps<Map<string, RemoteFile | undefined>> {
  const files = new Map<string, RemoteFile | undefined>()
  for (const [index, sibling] of siblings.entries()) {
    for (const [name, file] of readSibling(sibling)) files.set(name, file)
    if (index % 1024 === 0) yield
  }
  return files
}

function readSibling(sibling: unknown): [string, RemoteFile | undefined][] {
  if (typeof sibling !== 'object' || sibling === null) return []
  const { rfilename: name, size, blobId, lfs } = sibling as Record<string, unknown>
  if (typeof name !== 'string') return []
  const large = typeof lfs === 'object' && lfs !== null ? (lfs as Record<string, unknown>) : undefined
  return [[name, describe(name, large?.size ?? size, large?.sha256 ?? blobId)]]
}

function describe(name: string, bytes: unknown, hash: unknown): RemoteFile | undefined {
  const isSize = Number.isSafeInteger(bytes) && (bytes as number) >= 0 && (bytes as number) <= maxFileBytes
  if (!isSize || typeof hash !== 'string' || !/^([0-9a-f]{40}|[0-9a-f]{64})$/.test(hash)) return undefined
  return { name, bytes: bytes as number, hash }
}

/** The address of a file's contents at a commit. */
export function filePath(id: string, commit: string, name: string): string {
  return `/${id}/resolve/${commit}/${name.split('/').map(encodeURIComponent).join('/')}`
}

/** Asks for a file's size and hash where the list does not tell them: the hub's headers do. */
export async function fetchDescription(
  client: HubClient,
  id: string,
  commit: string,
  name: string,
  signal: AbortSignal,
): Promise<RemoteFile> {
  const path = filePath(id, commit, name)
  return client.retry(signal, () =>
    client.send({ path, method: 'HEAD', stayAtHub: true, isSmall: true }, signal, async ({ headers }) => {
      const bytes = headers.get('x-linked-size') ?? headers.get('content-length') ?? ''
      const hash = (headers.get('x-linked-etag') ?? headers.get('etag') ?? '')
        .replace(/^W\//, '')
        .replace(/^"|"$/g, '')
      const file = describe(name, /^\d+$/.test(bytes) ? Number(bytes) : undefined, hash)
      if (file !== undefined) return file
      const reason = `${client.endpoint}${path}: expected a size and a git or sha256 hash, got ${quote(bytes)} and ${quote(hash)}`
      throw new Transient(new QuernError('hub_unavailable', `${reason}; check HF_ENDPOINT`, { value: name }))
    }),
  )
}
