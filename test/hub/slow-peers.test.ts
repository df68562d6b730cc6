// Peers that say a little now and then, for ever, or send elsewhere; and mirrors that are vague about parts of files.
import { readFile } from 'node:fs/promises'
import type { ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createServer, type Server } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { bundledModelPath } from '../../lib/checkpoint/bundled.js'
import { inspect } from '../../lib/index.js'
import { expectCode } from '../model/expect-code.js'
import { temporaryFolder } from '../model/temporary.js'
import type { Seen } from './fake-hub.js'
import { fakeHub, noisyRepo, quickPull } from './hub.js'

const temporary = temporaryFolder()
const hub = fakeHub()
const id = 'org/name'
const size = 1_000_000
const patience = { attempts: 4, stallMs: 400, rateMs: 300, minBytesPerSecond: 1000, answerMs: 2000 }
let server: Server | undefined
afterEach(() => void server?.close())

function serve(): Buffer {
  const repo = noisyRepo(size)
  hub.current.repos.set(id, repo)
  return repo.files['model.safetensors'] as Buffer
}

const isListing = ({ path }: Seen) => path.startsWith('/api/')
const isCdn = ({ server: which }: Seen) => which === 'cdn'

/** Sends something now and then, until nobody listens. */
function trickle(response: ServerResponse, piece: string, milliseconds: number): void {
  const timer = setInterval(() => response.write(piece), milliseconds)
  response.once('close', () => clearInterval(timer))
}

describe('a peer that never comes to an end', () => {
  it.each([
    ['a byte now and then, of the list', isListing, ' ', 50, /bytes came in/],
    ['a byte now and then, of a file', isCdn, 'x', 50, /bytes came in/],
    ['enough bytes, but for ever, of the list', isListing, ' '.repeat(200), 20, /no end came within 2 s/],
  ])('%s is given up', async (_, matches, piece, milliseconds, message) => {
    serve()
    hub.current.faults.push((request, response) => {
      if (!matches(request)) return false
      if (isCdn(request))
        response.writeHead(206, { 'content-range': `bytes ${request.range?.slice(6)}/${size}` })
      trickle(response, piece, milliseconds)
      return true
    })
    const cacheDir = temporary.join('trickle')
    const error = await expectCode(() => quickPull(id, { cacheDir }, patience), 'hub_unavailable')
    expect(error.message).toMatch(message)
    // Two attempts in a row are enough for those who keep us waiting.
    expect(hub.current.seen.filter(isListing).length).toBeLessThanOrEqual(2)
  })

  it('with headers a byte at a time is given up', async () => {
    server = createServer((socket) => {
      socket.on('error', () => {})
      socket.write('HTTP/1.1 200 OK\r\nx-a: ')
      const timer = setInterval(() => socket.write('a'), 20)
      socket.once('close', () => clearInterval(timer))
    })
    await new Promise<void>((resolve) => server?.listen(0, '127.0.0.1', resolve))
    process.env.HF_ENDPOINT = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    const error = await expectCode(
      () => quickPull(id, { cacheDir: temporary.join('x') }, patience),
      'hub_unavailable',
    )
    expect(error.message).toMatch(/nothing came for 0\.4 s/)
  })

  it('is not taken for one while it is we who are slow', async () => {
    const weights = serve()
    const { path } = await quickPull(
      id,
      {
        cacheDir: temporary.join('slow-disk'),
        onProgress: () => {
          const until = performance.now() + 120
          while (performance.now() < until) {}
        },
      },
      { ...patience, minBytesPerSecond: 10_000 },
    )
    expect((await readFile(`${path}/model.safetensors`)).equals(weights)).toBe(true)
  })
})

describe('a pause before the next attempt', () => {
  it('is told about when it is long, and not for every connection', async () => {
    serve()
    let left = 3
    hub.current.faults.push((request, response) => {
      if (!isListing(request) || left-- <= 0) return false
      response.writeHead(503).end()
      return true
    })
    const warnings: string[] = []
    const onWarning = (message: string) => void warnings.push(message)
    await quickPull(id, { cacheDir: temporary.join('told'), onWarning }, { backoffMs: 20, tellMs: 30 })
    expect(warnings).toEqual([expect.stringMatching(/^trying again in 1 s: http.*: the hub answered 503/)])
  })
})

describe('a redirect', () => {
  it.each([
    'http://user:secret@127.0.0.1/x',
    'http://user@127.0.0.1/x',
    'ftp://127.0.0.1/x',
    'data:application/json,{}',
    'javascript:0',
    'http://[::1',
    '//',
    'http://127.0.0.1:99999/',
  ])('to %s is an error that does not repeat it', async (location) => {
    serve()
    hub.current.faults.push((request, response) => {
      if (!isListing(request)) return false
      response.writeHead(302, { location }).end()
      return true
    })
    const { message } = await expectCode(
      () => quickPull(id, { cacheDir: temporary.join('to') }),
      'hub_unavailable',
    )
    expect(message).toMatch(/redirected to what is no address/)
    expect(message).not.toContain('secret')
    expect(hub.current.seen).toHaveLength(1)
  })

  it('to a port that nobody may ask is an error too', async () => {
    serve()
    hub.current.faults.push((_, response) =>
      Boolean(response.writeHead(302, { location: 'http://127.0.0.1:25/' }).end()),
    )
    await expectCode(() => quickPull(id, { cacheDir: temporary.join('port') }), 'hub_unavailable')
  })
})

/** What a mirror says of the part that it sends, and which part that is. */
type Mirror = (
  start: number,
  end: number,
) => { range?: string; start?: number; end?: number; status?: number }

const mirrors: [string, Mirror][] = [
  ['no Content-Range', () => ({})],
  ['an open total', (start, end) => ({ range: `bytes ${start}-${end}/*` })],
  ['another writing', (start, end) => ({ range: ` Bytes=${start}-${end}/${size} ` })],
  ['nonsense', () => ({ range: 'everything' })],
  ['the range of something else', (start, end) => ({ range: `bytes ${start + 1}-${end + 1}/${size}` })],
  ['more than was asked for', (start) => ({ range: `bytes ${start}-${size - 1}/${size}`, end: size - 1 })],
  [
    'less than was asked for',
    (start, end) => {
      const last = Math.min(end, start + 99_999)
      return { range: `bytes ${start}-${last}/${size}`, end: last }
    },
  ],
  [
    'much less than was asked for',
    (start, end) => {
      const last = Math.min(end, start + 99)
      return { range: `bytes ${start}-${last}/${size}`, end: last }
    },
  ],
  ['416', () => ({ status: 416 })],
]

describe('a mirror that answers ranges with', () => {
  it.each(mirrors)('%s', async (name, mirror) => {
    const weights = serve()
    hub.current.faults.push((request, response, file = Buffer.alloc(0)) => {
      if (!isCdn(request) || request.range === undefined) return false
      const [from = 0, to = 0] = (request.range.match(/\d+/g) ?? []).map(Number)
      const { range, start = from, end = to, status = 206 } = mirror(from, to)
      const part = file.subarray(start, end + 1)
      response.writeHead(status, { 'content-length': part.length, ...(range && { 'content-range': range }) })
      response.end(part)
      return true
    })
    const { path } = await quickPull(id, { cacheDir: temporary.join(`mirror ${name}`) })
    expect((await readFile(`${path}/model.safetensors`)).equals(weights)).toBe(true)
    expect(hub.current.seen.length).toBeLessThan(60)
  })
})

describe('a file’s name', () => {
  it.each([
    'a b.safetensors',
    'a#b (1).safetensors',
    'modèle-重み-🙂.safetensors',
    'sub folder/50%&?+.safetensors',
  ])('%s is one on a hub as in a folder', async (name) => {
    const { files, commit } = noisyRepo(1000)
    const weights = await readFile(`${bundledModelPath()}/model.safetensors`)
    delete files['model.safetensors']
    const index = JSON.stringify({ weight_map: { 'model.embed_tokens.weight': name } })
    hub.current.repos.set(id, {
      commit,
      files: { ...files, 'model.safetensors.index.json': Buffer.from(index), [name]: weights },
    })
    const cacheDir = temporary.join('names')
    const { path } = await quickPull(id, { cacheDir })
    expect((await readFile(`${path}/${name}`)).equals(weights)).toBe(true)
    expect((await inspect(id, { cacheDir: temporary.join('names2') })).tensors.length).toBeGreaterThan(10)
  })
})
