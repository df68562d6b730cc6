import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'

/** A request as a fake server saw it. */
export interface Seen {
  server: 'hub' | 'cdn'
  method: string
  path: string
  authorization: string | undefined
  range: string | undefined
}

/** Does something else than answering: true when it has. */
export type Fault = (request: Seen, response: ServerResponse, file: Buffer | undefined) => boolean | undefined

export interface FakeRepo {
  commit: string
  files: Record<string, Buffer>
}

interface Found {
  id: string
  name: string
  repo: FakeRepo
  data: Buffer
}

export const commit = 'c0ffee0123456789c0ffee0123456789c0ffee01'
const largeBytes = 64 * 1024

/** A hub on this machine: small files come from it, large ones by a redirect from a second server on another port, as on the real one. */
export class FakeHub {
  readonly repos = new Map<string, FakeRepo>()
  readonly seen: Seen[] = []
  /** Bytes of files that were sent. */
  sent = 0
  /** Called in turn for each request; the first that gives true has answered. */
  faults: Fault[] = []
  /** Milliseconds between pieces of 16 KiB. */
  delayMs = 0
  ignoreRanges = false
  /** Says nothing of sizes and hashes in the list of files. */
  bareListing = false
  /** Changes the list of files before it is sent. */
  editListing: (listing: Record<string, unknown>) => unknown = (listing) => listing
  readonly #hub: Server
  readonly #cdn: Server

  private constructor() {
    this.#hub = createServer((request, response) => this.#answer('hub', request, response))
    this.#cdn = createServer((request, response) => this.#answer('cdn', request, response))
  }

  static async start(): Promise<FakeHub> {
    const fake = new FakeHub()
    for (const server of [fake.#hub, fake.#cdn])
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    return fake
  }

  get endpoint(): string {
    return `http://127.0.0.1:${(this.#hub.address() as AddressInfo).port}`
  }

  get cdnOrigin(): string {
    return `http://127.0.0.1:${(this.#cdn.address() as AddressInfo).port}`
  }

  /** Forgets repositories, faults and what was seen. */
  reset(): void {
    this.repos.clear()
    this.seen.length = 0
    this.faults = []
    this.sent = 0
    this.delayMs = 0
    this.ignoreRanges = false
    this.bareListing = false
    this.editListing = (listing) => listing
  }

  /** Serves a folder as a model. */
  serveFolder(id: string, folder: string): void {
    const files = Object.fromEntries(
      readdirSync(folder).map((name) => [name, readFileSync(join(folder, name))]),
    )
    this.repos.set(id, { commit, files })
  }

  async close(): Promise<void> {
    for (const server of [this.#hub, this.#cdn]) {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    }
  }

  /** Requests for the contents of a file. */
  gets(name: string): Seen[] {
    return this.seen.filter(({ method, path, server }) => {
      const isFile = path.endsWith(`/${name}`) || path.startsWith(`/blob/${name}`)
      return method === 'GET' && isFile && (server === 'cdn' || !path.startsWith('/api'))
    })
  }

  #answer(server: 'hub' | 'cdn', request: IncomingMessage, response: ServerResponse): void {
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://x')
    const { authorization, range } = request.headers
    const seen: Seen = { server, method: request.method ?? '', path: pathname, authorization, range }
    this.seen.push(seen)
    const file = this.#find(pathname)
    if (this.faults.some((fault) => fault(seen, response, file?.data))) return
    const api = /^\/api\/models\/([^/]+\/[^/]+)\/(?:revision|tree)\/([^/]+)$/.exec(pathname)
    if (server === 'cdn') {
      if (file === undefined || searchParams.get('signed') !== 'yes') fail(response, 403)
      else this.#sendFile(request, response, file.data)
    } else if (api) this.#sendListing(pathname, api, response)
    else if (file === undefined) fail(response, 404, 'EntryNotFound')
    else this.#sendFromHub(request, response, file)
  }

  #sendFromHub(request: IncomingMessage, response: ServerResponse, file: Found): void {
    response.setHeader('X-Repo-Commit', file.repo.commit)
    response.setHeader('ETag', `"${gitHash(file.data)}"`)
    if (file.data.length < largeBytes) this.#sendFile(request, response, file.data)
    else {
      response.setHeader('X-Linked-Size', file.data.length)
      response.setHeader('X-Linked-Etag', `"${sha256(file.data)}"`)
      response.writeHead(302, { location: `${this.cdnOrigin}/blob/${file.id}/${file.name}?signed=yes` }).end()
    }
  }

  #find(pathname: string): Found | undefined {
    const [, id = '', name = ''] =
      /^\/blob\/([^/]+\/[^/]+)\/(.+)$/.exec(pathname) ??
      /^\/([^/]+\/[^/]+)\/resolve\/[^/]+\/(.+)$/.exec(pathname) ??
      []
    const repo = this.repos.get(id)
    const data = repo?.files[decodeURIComponent(name)]
    return repo === undefined || data === undefined ? undefined : { id, name, repo, data }
  }

  #sendListing(pathname: string, [, id = '', revision = '']: string[], response: ServerResponse): void {
    const repo = this.repos.get(id)
    if (repo === undefined) {
      fail(response, 404, 'RepoNotFound')
      return
    }
    if (!['main', 'refs%2Fpr%2F1', repo.commit].includes(revision)) {
      fail(response, 404, 'RevisionNotFound')
      return
    }
    const described = Object.entries(repo.files).map(([name, data]) => {
      const isLarge = data.length >= largeBytes
      return { name, size: data.length, oid: gitHash(data), sha256: isLarge ? sha256(data) : undefined }
    })
    const tree = described.map(({ name, size, oid, sha256: hash }) => ({
      type: 'file',
      path: name,
      size,
      oid,
      ...(hash && { lfs: { oid: hash, size, pointerSize: 134 } }),
    }))
    const siblings = described.map(({ name, size, oid, sha256: hash }) => ({
      rfilename: name,
      ...(!this.bareListing && {
        size,
        blobId: oid,
        ...(hash && { lfs: { sha256: hash, size, pointerSize: 134 } }),
      }),
    }))
    const listing = pathname.includes('/tree/')
      ? tree
      : this.editListing({
          id,
          modelId: id,
          sha: repo.commit,
          private: false,
          tags: [],
          downloads: 0,
          likes: 0,
          siblings,
        })
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(listing))
  }

  #sendFile(request: IncomingMessage, response: ServerResponse, data: Buffer): void {
    const [, from, to] = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '') ?? []
    const isPart = from !== undefined && !this.ignoreRanges
    const start = isPart ? Number(from) : 0
    const end = isPart && to ? Math.min(Number(to) + 1, data.length) : data.length
    if (start >= end && data.length > 0) {
      fail(response, 416)
      return
    }
    response.writeHead(isPart ? 206 : 200, {
      'content-length': end - start,
      ...(isPart && { 'content-range': `bytes ${start}-${end - 1}/${data.length}` }),
    })
    if (request.method === 'HEAD') response.end()
    else void this.#trickle(response, data.subarray(start, end))
  }

  async #trickle(response: ServerResponse, data: Buffer): Promise<void> {
    for (let at = 0; at < data.length && !response.destroyed; at += 16 * 1024) {
      const piece = data.subarray(at, at + 16 * 1024)
      this.sent += piece.length
      if (!response.write(piece)) await once(response)
      if (this.delayMs > 0) await new Promise((resolve) => setTimeout(resolve, this.delayMs))
    }
    response.end()
  }
}

/** Room for more, or nobody left to send it to. */
function once(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      response.off('drain', end).off('close', end)
      resolve()
    }
    response.on('drain', end).on('close', end)
  })
}

function fail(response: ServerResponse, status: number, code?: string): void {
  if (code) response.setHeader('X-Error-Code', code)
  response.writeHead(status).end('{"error":"no"}')
}

const hashes = new WeakMap<Buffer, { sha256: string; git: string }>()

/** Contents do not change, and hashing them for every request would be slower than sending them. */
function hashesOf(data: Buffer): { sha256: string; git: string } {
  const known = hashes.get(data)
  if (known !== undefined) return known
  const fresh = {
    sha256: createHash('sha256').update(data).digest('hex'),
    git: createHash('sha1').update(`blob ${data.length}\0`).update(data).digest('hex'),
  }
  hashes.set(data, fresh)
  return fresh
}

export function sha256(data: Buffer): string {
  return hashesOf(data).sha256
}

/** The hash that git gives a file. */
export function gitHash(data: Buffer): string {
  return hashesOf(data).git
}
