// A server for many users, on node:http: answers stream as server-sent events and end when their client goes, what is wrong with a
// request and a full house have a status of their own, and a shutdown lets answers end. docs/server.md tells why.
// prints: 400 invalid_input
// prints: data: {"type":"text-delta"
// prints: data: {"type":"stream-end"
// prints: closed
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { json } from 'node:stream/consumers'
import { setTimeout } from 'node:timers/promises'
import { type ChatMessage, load, QuernError, type QuernErrorCode } from 'quern'

const mostRequests = 64
const mostBytes = 200_000
const statuses: Partial<Record<QuernErrorCode, number>> = {
  invalid_input: 400,
  template_error: 400,
  template_limit: 400,
  context_overflow: 413,
  kv_cache_too_small: 413,
  closed: 503,
}

const model = await load()
let running = 0

async function route(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { method, url, headers } = request
  if (method === 'GET' && url === '/health') response.end(JSON.stringify({ running, ...model.stats() }))
  else if (method !== 'POST' || url !== '/chat') response.writeHead(404).end()
  else if (!(Number(headers['content-length']) <= mostBytes)) response.writeHead(413).end()
  else if (running >= mostRequests) response.writeHead(503, { 'retry-after': '5' }).end()
  else await answer(request, response)
}

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  running++
  try {
    const gone = new AbortController()
    response.once('close', () => gone.abort()) // also when all was sent: then nothing is left to abort
    const reply = model.chat(await readMessages(request), { maxTokens: 512, signal: gone.signal })
    for await (const event of reply.events()) {
      if (!response.headersSent) response.writeHead(200, { 'content-type': 'text/event-stream' })
      if (event.type === 'tokens') continue // they gave no text
      const hasRoom = response.write(`data: ${JSON.stringify(event)}\n\n`)
      if (!hasRoom) await once(response, 'drain', { signal: gone.signal })
    }
    response.end()
  } finally {
    running--
  }
}

/** chat() checks what they are. */
async function readMessages(request: IncomingMessage): Promise<ChatMessage[]> {
  const body = (await json(request).catch(() => undefined)) as { messages: ChatMessage[] } | undefined
  return body?.messages ?? []
}

function refuse(response: ServerResponse, error: unknown): void {
  if (response.destroyed) return // the client has gone
  const status = (error instanceof QuernError && statuses[error.code]) || 500
  if (status === 500) console.error(error)
  const { code, message } =
    status === 500 ? { code: 'internal', message: 'it failed' } : (error as QuernError)
  const body = JSON.stringify({ code, message })
  if (response.headersSent) response.end(`event: error\ndata: ${body}\n\n`)
  else response.writeHead(status, { 'content-type': 'application/json' }).end(body)
}

const server = createServer((request, response) => {
  route(request, response).catch((error) => refuse(response, error))
})

async function shutDown(): Promise<void> {
  const drained = once(server, 'close')
  server.close() // takes no new connections, and waits for the answers that run
  await Promise.race([drained, setTimeout(30_000, undefined, { ref: false })])
  await model.close() // those that still run are told `closed`
}

process.once('SIGTERM', shutDown)
server.listen(0, '127.0.0.1') // a port that is free; a real server has one of its own
await once(server, 'listening')

// The other side: a client, and the end.
const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
const ask = (messages: ChatMessage[]) =>
  fetch(`${url}/chat`, { method: 'POST', body: JSON.stringify({ messages }) })

const refused = await ask([])
console.log(refused.status, ((await refused.json()) as { code: string }).code)

const asked = await ask([{ role: 'user', content: 'What is the capital of France?' }])
for await (const text of asked.body?.pipeThrough(new TextDecoderStream()) ?? []) process.stdout.write(text)
console.log(await (await fetch(`${url}/health`)).json())

await shutDown()
console.log('closed')
