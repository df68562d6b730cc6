// Many clients at once, and clients that misbehave: the others get all of theirs, and the event loop stays free.
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { expectLevelMemory } from '../level-memory.js'
import { slowdown } from '../patience.js'
import { expectBelow, expectPrompt } from '../promptly.js'
import { type ServerProcess, startServer, untilIdle } from './server-process.js'
import { ask, open, streamed } from './streams.js'

let server: ServerProcess
let url: string
beforeAll(async () => {
  server = await startServer()
  url = `${server.url}/v1/completions`
})
afterAll(() => server.kill())

const request = (i: number, more: object = {}) => ({
  prompt: `Once upon a time ${i}`,
  max_tokens: 48,
  temperature: 0,
  ignore_eos: true,
  stream: true,
  ...more,
})
const head = (length: number) =>
  `POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: ${length}\r\n\r\n`
/** Bytes of the server's memory. */
const resident = async () => (await server.measure()).rss

test('200 streams at once: each gets what it gets alone', async () => {
  const alone = streamed((await ask(url, request(7))).text)
  const all = await Promise.all(Array.from({ length: 200 }, (_, i) => ask(url, request(i))))
  const texts = all.map(({ text }) => streamed(text))
  expect(texts.filter(({ isWhole }) => isWhole).length).toBe(200)
  expect(texts[7]).toEqual(alone)
})

test('the event loop is free while 200 streams come: p99 of its delay is at most 12 ms', async () => {
  const measured: { p99: number; bound: number }[] = []
  while (measured.length < 8 && !measured.some(({ p99, bound }) => p99 < bound)) {
    const streams = Array.from({ length: 200 }, (_, i) => ask(url, request(i)))
    await sleep(500) // they have begun
    await server.measure()
    await Promise.all(streams)
    const { p99 } = await server.measure()
    measured.push({ p99, bound: 12 * slowdown() })
  }
  expect(
    measured.some(({ p99, bound }) => p99 < bound),
    JSON.stringify(measured),
  ).toBe(true)
})

test('1,000 clients that go leave nothing behind, and others unhurt', async () => {
  const alone = streamed((await ask(url, request(1))).text)
  const comeAndGo = async () => {
    const beside = ask(url, request(1))
    for (let round = 0; round < 20; round++) {
      const gone = Array.from({ length: 50 }, (_, i) => {
        const socket = open(server.port)
        const body = JSON.stringify(request(i, { max_tokens: 400 }))
        socket.write(head(body.length) + body)
        // At once, while the prompt is computed, or after the first events; a third by a reset.
        return sleep(i * 2).then(() => (i % 3 === 0 ? socket.resetAndDestroy() : socket.destroy()))
      })
      await Promise.all(gone)
    }
    expect(streamed((await beside).text)).toEqual(alone)
    await untilIdle(server)
  }
  await expectLevelMemory(64, comeAndGo, 'of 1,000 clients', resident)
})

test('a client that goes ends its generation within 50 ms', async () => {
  await expectPrompt(50, async () => {
    let gone = 0
    await ask(url, request(1, { max_tokens: 900 }), (_, sent) => {
      gone ||= performance.now()
      sent.destroy()
    }).catch(() => {})
    await untilIdle(server)
    return performance.now() - gone
  })
})

test('slow readers hold up themselves alone', async () => {
  const body = JSON.stringify(request(1, { max_tokens: 900, logprobs: 20 }))
  // Each time with readers of its own: the answers of those before have an end, at which even a server that keeps them all grows no more.
  const growthWhileNobodyReads = async () => {
    const slow = Array.from({ length: 20 }, () => {
      const socket = open(server.port)
      socket.pause() // never reads
      socket.write(head(body.length) + body)
      return socket
    })
    const other = streamed((await ask(url, request(3))).text)
    expect(other.isWhole).toBe(true)
    await sleep(500)
    const before = await resident()
    await sleep(1000)
    const growth = (await resident()) - before
    for (const socket of slow) socket.destroy()
    await untilIdle(server)
    return growth / 2 ** 20
  }
  await expectBelow(16, growthWhileNobodyReads, 'while nobody reads', 'mebibytes more')
})

test('connections that say nothing, or half of something, cost others nothing', async () => {
  const sockets = Array.from({ length: 300 }, (_, i) => {
    const socket = open(server.port)
    if (i % 3 === 1) socket.write('POST /v1/completions HTTP/1.1\r\nHost: loc') // a head that stops
    if (i % 3 === 2) socket.write(`${head(100)}{"prompt": `) // a body that stops
    return socket
  })
  const { status } = await ask(url, request(1, { stream: false }))
  expect(status).toBe(200)
  for (const socket of sockets) socket.destroy()
  await untilIdle(server)
})
