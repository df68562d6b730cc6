import { afterAll, beforeAll, expect, test } from 'vitest'
import { eventually } from '../eventually.js'
import { type ServerProcess, startServer, untilIdle } from './server-process.js'
import { ask, open } from './streams.js'

let server: ServerProcess
beforeAll(async () => {
  server = await startServer({ stall: 0.5, log: 'json' })
})
afterAll(() => server.kill())

test('a client that takes nothing of its stream is given up, and said so once', async () => {
  // More than what the system keeps for a connection: many choices, each with many log-probabilities.
  const body = JSON.stringify({
    ...{ prompt: new Array(40).fill('Once'), max_tokens: 400, ignore_eos: true, logprobs: 5, stream: true },
  })
  const socket = open(server.port)
  let isClosed = false
  socket
    .on('end', () => socket.destroy())
    .on('close', () => {
      isClosed = true
    })
  socket.pause()
  socket.write(
    `POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
  )
  await eventually(() => server.log().includes('client_stalled'), 'it is given up')
  socket.resume()
  await eventually(() => isClosed, 'its connection is closed')
  await untilIdle(server)
  expect((await ask(`${server.url}/v1/completions`, { prompt: 'Once', max_tokens: 1 })).status).toBe(200)
  const lines = () => server.log().split('\n').slice(0, -1)
  await eventually(() => lines().length > 1, 'the log of both') // which comes by a way of its own
  expect(lines().map((line) => JSON.parse(line).code ?? 'ok')).toEqual(['client_stalled', 'ok'])
})
