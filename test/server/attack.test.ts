// Bytes that no honest client sends. Whatever comes back is an answer of HTTP, never a trace; afterwards the server serves.
import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { eventually } from '../eventually.js'
import { type ServerProcess, startServer } from './server-process.js'
import { ask, open, raw } from './streams.js'

const mostConnections = 64

let server: ServerProcess
beforeAll(async () => {
  server = await startServer({ maxConnections: mostConnections })
})
afterAll(() => server.kill())

const post = (body: string | Buffer, connection = 'close') =>
  Buffer.concat([
    Buffer.from(
      `POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: ${connection}\r\n\r\n`,
    ),
    Buffer.from(body),
  ])
const ok = { prompt: 'Once', max_tokens: 1 }
const statusOf = (answer: string) => Number(/^HTTP\/1\.1 (\d+)/.exec(answer)?.[1])
const expectNoTrace = (answer: string) => expect(answer).not.toMatch(/node_modules|\.js:\d|at \w+ \(|\/lib\//)

/** Afterwards it serves as before. */
async function expectAlive({ url } = server): Promise<void> {
  expect((await ask(`${url}/v1/completions`, ok)).status).toBe(200)
}

/** Likewise, once it has seen that connections are gone. */
async function untilAlive(): Promise<void> {
  let isAlive = false
  const tries = setInterval(
    () =>
      void ask(`${server.url}/v1/completions`, ok).then(
        ({ status }) => {
          isAlive ||= status === 200
        },
        () => {},
      ),
    50,
  )
  await eventually(() => isAlive, 'it serves').finally(() => clearInterval(tries))
}

describe('bodies', () => {
  test.each([
    ['too large', post(`{"prompt": "${'x'.repeat(5 * 2 ** 20)}"}`), 413],
    ['a great many brackets', post('['.repeat(1e6)), 400],
    ['deep arrays', post(`{"prompt": ${'['.repeat(5e5)}${']'.repeat(5e5)}}`), 400],
    ['deep objects', post(`${'{"a":'.repeat(2e5)}1${'}'.repeat(2e5)}`), 400],
    ['a million members', post(`{${Array.from({ length: 2e5 }, (_, i) => `"k${i}":1`).join()}}`), 400],
    ['invalid UTF-8', post(Buffer.from([0x22, 0xc3, 0x28, 0x22])), 400],
    ['a lone surrogate', post(JSON.stringify({ prompt: '\ud800', max_tokens: 1 })), 200],
    ['zero bytes', post('\0'.repeat(1000)), 400],
    ['nothing', post(''), 400],
    ['__proto__', post('{"__proto__": {"prompt": "x"}, "prompt": "x", "max_tokens": 1}'), undefined],
    ['numbers out of range', post('{"prompt": "x", "max_tokens": 1e999}'), 400],
    ['a huge list of prompts', post(JSON.stringify({ prompt: new Array(1e5).fill('x') })), 400],
  ])('%s', async (_, bytes, status) => {
    const answer = await raw(server.port, bytes)
    if (status !== undefined) expect(statusOf(answer)).toBe(status)
    expect(statusOf(answer)).toBeLessThan(500)
    expectNoTrace(answer)
    await expectAlive()
  })

  test('a chunked body that never ends is cut off at the limit', async () => {
    const socket = open(server.port)
    socket.write(
      'POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n',
    )
    const chunk = `10000\r\n${'x'.repeat(0x10000)}\r\n`
    let text = ''
    socket.on('data', (piece) => {
      text += piece
    })
    let isGone = false
    socket.on('close', () => {
      isGone = true
    })
    while (text === '' && !isGone) {
      if (!socket.writableNeedDrain) socket.write(chunk)
      await turn()
    }
    await eventually(() => text !== '', 'an answer')
    expect(statusOf(text)).toBe(413)
    socket.destroy()
    await expectAlive()
  })
})

describe('heads', () => {
  test.each([
    ['HTTP/1.0 without a name, as balancers ask', 'GET /health HTTP/1.0\r\n\r\n', 200],
    [
      'two lengths',
      'POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n{}',
      400,
    ],
    [
      'a length and chunks',
      'POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /v1/models HTTP/1.1\r\n\r\n',
      400,
    ],
    [
      'an encoding that is none',
      'POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n',
      400,
    ],
    ['a line folded', 'GET /health HTTP/1.1\r\nHost: localhost\r\nX-A: b\r\n Content-Length: 5\r\n\r\n', 400],
    ['a space before the colon', 'GET /health HTTP/1.1\r\nHost: localhost\r\nX-A : b\r\n\r\n', 400],
    [
      'a bare line feed in a value',
      'GET /health HTTP/1.1\r\nHost: localhost\r\nX-A: b\nX-B: c\r\n\r\n',
      undefined,
    ],
    ['no host', 'GET /health HTTP/1.1\r\n\r\n', 400],
    [
      '16 KiB of header',
      `GET /health HTTP/1.1\r\nHost: localhost\r\nX-A: ${'a'.repeat(20_000)}\r\n\r\n`,
      431,
    ],
    ['not HTTP', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03', 400],
    ['HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 400],
    ['a method that is none', 'BREW /v1/models HTTP/1.1\r\nHost: localhost\r\n\r\n', 400],
    ['TRACE', 'TRACE /v1/models HTTP/1.1\r\nHost: localhost\r\n\r\n', undefined],
    ['CONNECT', 'CONNECT localhost:80 HTTP/1.1\r\nHost: localhost\r\n\r\n', undefined],
    ['a path that climbs', 'GET /../../etc/passwd HTTP/1.1\r\nHost: localhost\r\n\r\n', 404],
    ['a path of nonsense', 'GET /%ff%00%c0%ae HTTP/1.1\r\nHost: localhost\r\n\r\n', undefined],
    ['an asterisk', 'OPTIONS * HTTP/1.1\r\nHost: localhost\r\n\r\n', undefined],
    [
      'an upgrade',
      'GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n',
      undefined,
    ],
  ])('%s', async (_, bytes, status) => {
    const answer = await raw(server.port, Buffer.from(bytes, 'latin1'), 400)
    if (status !== undefined) expect(statusOf(answer)).toBe(status)
    if (answer !== '') expect(statusOf(answer)).toBeLessThan(500)
    expect(answer.match(/HTTP\/1\.1 2/g)?.length ?? 0, 'answers').toBeLessThan(2)
    expectNoTrace(answer)
    await expectAlive()
  })

  test('requests in a row on one connection are answered in their order', async () => {
    const one = post(JSON.stringify(ok), 'keep-alive').toString()
    const health = 'GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n'
    const answers = await raw(
      server.port,
      one + health + one + health.replace('\r\n\r\n', '\r\nConnection: close\r\n\r\n'),
    )
    const bodies = [...answers.matchAll(/\r\n\r\n(\{.*?\})(?=HTTP|$)/gs)].map(([, body]) =>
      JSON.parse(body as string),
    )
    expect(bodies.map((body) => body.object ?? body.status)).toEqual([
      'text_completion',
      'ok',
      'text_completion',
      'ok',
    ])
  })
})

describe('time', () => {
  test('a head, or a body, that comes byte by byte is given up', async () => {
    // By a server of its own: to one that waits so little, what a busy machine sends in one piece may be late too.
    const impatient = await startServer({ receiveTimeout: 1 })
    const drip = async (start: string) => {
      const socket = open(impatient.port)
      let text = ''
      let isOver = false
      socket.on('data', (piece) => {
        text += piece
      })
      socket.on('close', () => {
        isOver = true
      })
      socket.on('end', () => {
        isOver = true
      })
      socket.write(start)
      for (let i = 0; i < 300 && !isOver; i++) {
        await sleep(50)
        if (!isOver) socket.write('x')
      }
      socket.destroy()
      return { text, isOver }
    }
    const [slowHead, slowBody] = await Promise.all([
      drip('GET /health HTTP/1.1\r\nHost: localhost\r\nX-A: '),
      drip(post('x'.repeat(1000)).toString().slice(0, -900)),
    ])
    expect(slowHead.isOver && slowBody.isOver).toBe(true)
    expect(statusOf(slowHead.text)).toBe(408)
    await expectAlive(impatient)
    impatient.kill()
  })

  test('more connections than may be are closed, and the rest served', async () => {
    let closed = 0
    const sockets = Array.from({ length: 100 }, () =>
      open(server.port)
        .resume()
        .once('close', () => closed++),
    )
    for (const socket of sockets) socket.once('end', () => socket.destroy())
    await eventually(() => closed >= 100 - mostConnections, 'those beyond are closed')
    await sleep(100)
    expect(closed).toBe(100 - mostConnections)
    for (const socket of sockets) socket.destroy()
    await untilAlive()
  })
})

test('nothing of this is a mistake of ours in the log', () => {
  expect(server.log()).toBe('')
})
