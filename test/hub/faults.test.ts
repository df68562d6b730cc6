import { readFile, stat } from 'node:fs/promises'
import type { ServerResponse } from 'node:http'
import { describe, expect, it } from 'vitest'
import { pull } from '../../lib/index.js'
import { expectCode } from '../model/expect-code.js'
import { temporaryFolder } from '../model/temporary.js'
import { FakeHub, type Fault, type Seen, sha256 } from './fake-hub.js'
import { fakeHub, noisyRepo, quickPull, treeOf } from './hub.js'

const temporary = temporaryFolder()
const hub = fakeHub()
const id = 'org/name'
const size = 2_000_000

function serve(bytes = size): Buffer {
  const repo = noisyRepo(bytes)
  hub.current.repos.set(id, repo)
  return repo.files['model.safetensors'] as Buffer
}

/** Answers requests that match so many times in another way. */
function fault(
  times: number,
  matches: (request: Seen) => boolean,
  answer: (response: ServerResponse, request: Seen, file: Buffer) => void,
): void {
  let left = times
  const apply: Fault = (request, response, file) => {
    if (!matches(request) || left-- <= 0) return false
    answer(response, request, file ?? Buffer.alloc(0))
    return true
  }
  hub.current.faults.push(apply)
}

const isCdn = ({ server }: Seen) => server === 'cdn'
const isListing = ({ path }: Seen) => path.startsWith('/api/')
const isConfig = ({ path }: Seen) => path.endsWith('/config.json')
const always = Number.POSITIVE_INFINITY

function status(code: number, headers: Record<string, string> = {}) {
  return (response: ServerResponse) => void response.writeHead(code, headers).end()
}

/** The right answer to a range, but only some bytes of it before the line is cut. */
function cutAfter(bytes: number) {
  return (response: ServerResponse, { range }: Seen, file: Buffer) => {
    const [start = 0, end = file.length - 1] = (range?.match(/\d+/g) ?? []).map(Number)
    response.writeHead(range ? 206 : 200, {
      'content-length': end + 1 - start,
      ...(range && { 'content-range': `bytes ${start}-${end}/${file.length}` }),
    })
    response.write(file.subarray(start, start + bytes), () => response.destroy())
    hub.current.sent += bytes
  }
}

async function expectIntact(cacheDir: string, weights: Buffer, path: string): Promise<void> {
  expect((await readFile(`${path}/model.safetensors`)).equals(weights)).toBe(true)
  expect(treeOf(cacheDir).filter((name) => /incomplete|journal|lock$|tmp$/.test(name))).toEqual([])
}

describe('a download', () => {
  it('goes on where the line was cut', async () => {
    const [cacheDir, weights] = [temporary.join('cut'), serve()]
    fault(12, isCdn, cutAfter(100_000))
    const { path } = await quickPull(id, { cacheDir })
    await expectIntact(cacheDir, weights, path)
    expect(
      hub.current.gets('model.safetensors').filter(({ server }) => server === 'cdn').length,
    ).toBeGreaterThanOrEqual(12)
    // What a stream holds when its line is cut is lost: at most 64 KiB each time.
    expect(hub.current.sent).toBeLessThan(size + 12 * 65_536)
  })

  it('comes in parts at the same time', async () => {
    const [cacheDir, weights] = [temporary.join('parts'), serve()]
    let open = 0
    let most = 0
    hub.current.delayMs = 1
    hub.current.faults.push((request, response) => {
      if (!isCdn(request)) return false
      most = Math.max(most, ++open)
      response.once('close', () => open--)
      return false
    })
    const { path } = await quickPull(id, { cacheDir }, { connections: 3 })
    await expectIntact(cacheDir, weights, path)
    expect(most).toBe(3)
  })

  it('comes whole from a host that ignores ranges, even if it is cut', async () => {
    const [cacheDir, weights] = [temporary.join('whole'), serve()]
    hub.current.ignoreRanges = true
    fault(1, (request) => isCdn(request) && request.range === undefined, cutAfter(700_000))
    const { path } = await quickPull(id, { cacheDir })
    await expectIntact(cacheDir, weights, path)
  })

  it('that was aborted leaves what came to the next one', async () => {
    const [cacheDir, weights] = [temporary.join('aborted'), serve()]
    hub.current.delayMs = 2
    const controller = new AbortController()
    const reason = new Error('enough')
    const pulling = quickPull(id, {
      cacheDir,
      signal: controller.signal,
      onProgress: ({ loadedBytes }) => loadedBytes > size / 2 && controller.abort(reason),
    })
    await expect(pulling).rejects.toBe(reason)
    expect(treeOf(cacheDir).filter((name) => name.endsWith('.lock'))).toEqual([])
    const before = hub.current.sent
    hub.current.delayMs = 0
    const { path, downloadedBytes } = await quickPull(id, { cacheDir })
    expect(downloadedBytes).toBeLessThan(size * 0.5)
    expect(hub.current.sent - before).toBeLessThan(size * 0.6)
    await expectIntact(cacheDir, weights, path)
    await expect(quickPull(id, { cacheDir, signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
  })

  it('that stalls is begun anew', async () => {
    const [cacheDir, weights] = [temporary.join('stalled'), serve()]
    fault(2, isCdn, (response, { range }, file) => {
      const [start = 0, end = file.length - 1] = (range?.match(/\d+/g) ?? []).map(Number)
      response.writeHead(206, { 'content-range': `bytes ${start}-${end}/${file.length}` })
      response.write(file.subarray(start, start + 5000))
    })
    fault(1, isConfig, () => {})
    const { path } = await quickPull(id, { cacheDir }, { stallMs: 500 })
    await expectIntact(cacheDir, weights, path)
  })

  it('with other bytes than announced is thrown away and tried once more', async () => {
    const [cacheDir, weights] = [temporary.join('flipped'), serve()]
    const flip = (response: ServerResponse, { range }: Seen, file: Buffer) => {
      const [start = 0, end = 0] = (range?.match(/\d+/g) ?? []).map(Number)
      const data = Buffer.from(file.subarray(start, end + 1))
      data[5] = (data[5] ?? 0) ^ 1
      response.writeHead(206, { 'content-range': `bytes ${start}-${end}/${file.length}` }).end(data)
    }
    fault(1, isCdn, flip)
    await expectIntact(cacheDir, weights, (await quickPull(id, { cacheDir })).path)
    hub.current.faults = []
    fault(always, isCdn, flip)
    const error = await expectCode(
      () => quickPull(id, { cacheDir: temporary.join('always') }),
      'hub_checksum',
    )
    expect(error.message).toContain(sha256(weights))
    expect(
      treeOf(temporary.join('always')).filter((name) => /incomplete|lock$|model\.safetensors/.test(name)),
    ).toEqual([])
  })

  it.each([
    ['fewer', (text: number) => text - 1000],
    ['more', (text: number) => text + 1000],
    ['far more', () => 2 ** 42],
  ])('of %s bytes than announced is refused', async (name, lie) => {
    serve()
    hub.current.editListing = (listing) => {
      const siblings = structuredClone(listing.siblings) as { rfilename: string; lfs?: { size: number } }[]
      for (const { lfs } of siblings) if (lfs) lfs.size = lie(lfs.size)
      return { ...listing, siblings }
    }
    const cacheDir = temporary.join(`lie-${name}`)
    const freeBytes = async () => 2 ** 50
    await expectCode(() => quickPull(id, { cacheDir }, { attempts: 2, freeBytes }), 'hub_checksum')
    expect(hub.current.sent).toBeLessThan(3 * size)
  })

  it('whose parts are longer than asked for takes what it asked for', async () => {
    const [cacheDir, weights] = [temporary.join('longer'), serve()]
    fault(always, isCdn, (response, { range }, file) => {
      const [start = 0, end = 0] = (range?.match(/\d+/g) ?? []).map(Number)
      response.writeHead(206, { 'content-range': `bytes ${start}-${end}/${file.length}` })
      response.end(Buffer.concat([file.subarray(start, end + 1), Buffer.alloc(100_000, 'x')]))
    })
    const { path } = await quickPull(id, { cacheDir })
    await expectIntact(cacheDir, weights, path)
    expect(hub.current.seen.filter(isCdn)).toHaveLength(Math.ceil(size / (256 * 1024)))
  })

  it('whose body never ends is cut off where it should', async () => {
    serve(100_000)
    fault(always, isCdn, (response) => {
      response.writeHead(200)
      const timer = setInterval(() => response.write(Buffer.alloc(65_536)), 1)
      response.once('close', () => clearInterval(timer))
    })
    const cacheDir = temporary.join('endless')
    await expectCode(() => quickPull(id, { cacheDir }), 'hub_checksum')
    for (const path of treeOf(cacheDir))
      expect((await stat(`${cacheDir}/${path}`)).size).toBeLessThan(200_000)
  })
})

describe('a hub in trouble', () => {
  it('is asked again, a few times', async () => {
    const [cacheDir, weights] = [temporary.join('500'), serve()]
    fault(3, isListing, status(500))
    fault(2, isConfig, status(503))
    fault(1, isCdn, status(403))
    fault(1, isConfig, (response) => void response.destroy())
    await expectIntact(cacheDir, weights, (await quickPull(id, { cacheDir })).path)
    fault(always, isListing, status(502))
    const error = await expectCode(
      () => quickPull(id, { cacheDir: temporary.join('502') }),
      'hub_unavailable',
    )
    expect(error.message).toMatch(
      /^http:\/\/127\.0\.0\.1:\d+\/api\/models\/org\/name\/revision\/main: the hub answered 502; it has trouble/,
    )
    expect(hub.current.seen.filter(isListing)).toHaveLength(4 + 4)
  })

  it('that is asked too often is given the time it wants', async () => {
    serve()
    fault(1, isListing, status(429, { 'retry-after': '1' }))
    const start = performance.now()
    await quickPull(id, { cacheDir: temporary.join('429') })
    expect(performance.now() - start).toBeGreaterThan(1000)
    fault(1, isListing, status(429, { 'retry-after': '3600' }))
    const error = await expectCode(
      () => quickPull(id, { cacheDir: temporary.join('3600') }),
      'hub_rate_limited',
    )
    expect(error.message).toMatch(/answered 429; it was asked too often; try again later, or set HF_TOKEN/)
  })

  it('out of reach is no reason to fail when the model is there', async () => {
    const cacheDir = temporary.join('unreachable')
    serve()
    const { path } = await quickPull(id, { cacheDir })
    const gone = await FakeHub.start()
    process.env.HF_ENDPOINT = gone.endpoint
    await gone.close()
    const warnings: string[] = []
    expect((await pull(id, { cacheDir, onWarning: (text) => warnings.push(text) })).path).toBe(path)
    expect(warnings).toEqual([
      expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+: the connection failed \(ECONNREFUSED\)/),
    ])
    const error = await expectCode(() => quickPull('org/other', { cacheDir }), 'hub_unavailable')
    expect(error.message).toMatch(/check the network, HF_ENDPOINT/)
  })

  it.each([
    ['to itself', () => '/api/models/org/name/revision/main', /redirected more than 8 times/],
    ['to a file', () => 'file:///etc/passwd', /no address/],
    ['to nothing', () => 'http://', /no address/],
  ])('that redirects %s is left alone', async (_, location, message) => {
    serve()
    fault(always, isListing, status(302, { location: location() }))
    const error = await expectCode(
      () => quickPull(id, { cacheDir: temporary.join('loop') }),
      'hub_unavailable',
    )
    expect(error.message).toMatch(message)
    expect(hub.current.seen.length).toBeLessThan(10)
  })

  it.each([
    '<html>log in</html>',
    '',
    'null',
    '[]',
    '{"sha": "../../x", "siblings": []}',
    '{"sha": 1}',
    '{"siblings": {}}',
  ])('that lists %j is none', async (text) => {
    serve()
    fault(always, isListing, (response) => void response.end(text))
    await expectCode(() => quickPull(id, { cacheDir: temporary.join('html') }), 'hub_unavailable')
  })

  it('cannot fill the memory with its list of files', async () => {
    serve()
    fault(always, isListing, (response) => {
      const piece = Buffer.alloc(1 << 20, ' ')
      const more = () => {
        while (!response.destroyed && response.write(piece)) {}
      }
      response.on('drain', more)
      more()
    })
    const error = await expectCode(
      () => quickPull(id, { cacheDir: temporary.join('flood') }),
      'hub_unavailable',
    )
    expect(error.message).toMatch(/longer than 33554432 bytes/)
  })
})

describe('access', () => {
  it.each([
    [404, 'RepoNotFound', 'hub_not_found', /no such model or revision/],
    [404, 'RevisionNotFound', 'hub_not_found', /no such revision/],
    [
      401,
      'RepoNotFound',
      'hub_unauthorized',
      /does not exist, or it is private or gated: check the name; then set HF_TOKEN/,
    ],
    [
      403,
      'GatedRepo',
      'hub_unauthorized',
      /gated: accept its licence at http:\/\/127\.0\.0\.1:\d+\/org\/name, then set HF_TOKEN/,
    ],
    [401, 'GatedRepo', 'hub_unauthorized', /gated/],
    [418, '', 'hub_unavailable', /answered 418/],
  ] as const)('refused with %d %s is %s', async (code, errorCode, expected, message) => {
    serve()
    fault(always, isListing, status(code, { 'x-error-code': errorCode }))
    const error = await expectCode(() => quickPull(id, { cacheDir: temporary.join('refused') }), expected)
    expect(error.message).toMatch(message)
    expect(hub.current.seen).toHaveLength(1)
  })

  it('to a file alone may be refused too', async () => {
    serve()
    fault(always, isConfig, status(403, { 'x-error-code': 'GatedRepo' }))
    const error = await expectCode(
      () => quickPull(id, { cacheDir: temporary.join('gated') }),
      'hub_unauthorized',
    )
    expect(error.message).toMatch(/accept its licence at http:\/\/127\.0\.0\.1:\d+\/org\/name,/)
  })

  it('is by a token that goes to the hub and nowhere else', async () => {
    serve()
    process.env.HF_TOKEN = ' hf_secret \n'
    await quickPull(id, { cacheDir: temporary.join('token') })
    for (const { server, authorization } of hub.current.seen)
      expect(authorization).toBe(server === 'hub' ? 'Bearer hf_secret' : undefined)
    expect(hub.current.seen.some(isCdn)).toBe(true)
    fault(always, isListing, status(403))
    const error = await expectCode(
      () => quickPull(id, { cacheDir: temporary.join('token2') }),
      'hub_unauthorized',
    )
    expect(error.message).toMatch(/HF_TOKEN gives no access/)
    expect(JSON.stringify([error.message, error.stack, error.value, error.cause])).not.toContain('hf_secret')
    process.env.HF_TOKEN = 'hf_sec\nret'
    const malformed = await expectCode(() => pull(id), 'invalid_option')
    expect(malformed.message + malformed.stack).not.toContain('hf_sec')
  })
})
