// curl, as a newcomer tries a server.
import { execFile, spawn } from 'node:child_process'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { eventually } from '../eventually.js'
import { type Served, serveTiny } from './served.js'

let served: Served

beforeAll(async () => {
  served = await serveTiny()
})
afterAll(() => served.close())

const run = promisify(execFile)
const json = ['-H', 'Content-Type: application/json', '-d']

test("the article's own call", async () => {
  const body =
    '{"prompt": "请解释量子纠缠的基本原理。", "temperature": 0.7, "max_tokens": 512, "stream": false}'
  const url = `${served.baseURL}/completions`
  const { stdout } = await run('curl', ['-sS', '--fail-with-body', '-X', 'POST', url, ...json, body])
  const { object, choices, usage } = JSON.parse(stdout)
  expect(object).toBe('text_completion')
  expect(choices).toHaveLength(1)
  expect(usage.completion_tokens).toBeGreaterThan(0)
})

test('a stream, event by event', async () => {
  const body = '{"messages": [{"role": "user", "content": "Hello!"}], "stream": true, "temperature": 0}'
  const { stdout } = await run('curl', ['-sSN', '-i', `${served.baseURL}/chat/completions`, ...json, body])
  const [head, ...events] = stdout.trimEnd().split(/\r?\n\r?\n/)
  expect(head).toMatch(/^content-type: text\/event-stream/im)
  expect(events.at(-1)).toBe('data: [DONE]')
  for (const event of events.slice(0, -1))
    expect(JSON.parse(event.slice('data: '.length)).object).toBe('chat.completion.chunk')
})

test('a stream that is interrupted', async () => {
  const body = '{"prompt": "Once", "max_tokens": 1500, "ignore_eos": true, "stream": true}'
  const curl = spawn('curl', ['-sSN', `${served.baseURL}/completions`, ...json, body])
  await new Promise((resolve) => curl.stdout.once('data', resolve))
  curl.kill()
  await eventually(() => served.model.stats().active === 0, 'the end of the answer')
})

test('a mistake', async () => {
  const { stdout } = await run('curl', ['-sS', `${served.baseURL}/completions`, '-d', '{"prompt": "x"}'])
  expect(JSON.parse(stdout).error.message).toContain("-H 'Content-Type: application/json'")
})
