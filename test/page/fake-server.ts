// The page from the real app, with answers that a test writes.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, beforeEach } from 'vitest'
import { createApp } from '../../lib/server/index.ts'

export interface Asked {
  model?: string
  messages: { role: string; content: string | null }[]
  [member: string]: unknown
}

/** Writes the answer to one request, or takes its time. */
export type Script = (answer: Answer, asked: Asked) => Promise<void> | void

/** An answer as it goes out. */
export class Answer {
  readonly #response: ServerResponse

  constructor(response: ServerResponse) {
    this.#response = response
  }

  delta(delta: object, finish: string | null = null): void {
    this.#write({ choices: [{ index: 0, delta, finish_reason: finish }] })
  }

  text(text: string): void {
    this.delta({ content: text })
  }

  end(finish = 'stop', completionTokens = 10): void {
    this.delta({}, finish)
    this.#write({ choices: [], usage: { prompt_tokens: 90, completion_tokens: completionTokens } })
    this.#response.end('data: [DONE]\n\n')
  }

  error(message: string): void {
    this.#write({ error: { message, type: 'server_error', param: null, code: null } })
    this.#response.end()
  }

  breakOff(): void {
    this.#response.destroy()
  }

  get isGone(): boolean {
    return this.#response.destroyed
  }

  #write(data: object): void {
    if (!this.#response.headersSent) this.#response.writeHead(200, { 'Content-Type': 'text/event-stream' })
    this.#response.write(`data: ${JSON.stringify(data)}\n\n`)
  }
}

export class FakeServer {
  readonly asked: Asked[] = []
  /** What asks for a key gets this one alone. */
  key: string | undefined
  models: object[] = [loadedModel('alpha'), loadedModel('beta')]
  script: Script = (answer) => {
    answer.text('An answer.')
    answer.end()
  }
  #app = createApp({ models: { alpha: {} }, log: 'off' })
  #server: Server | undefined
  #port = 0

  async listen(): Promise<void> {
    const server = createServer((request, response) => void this.#respond(request, response))
    this.#server = server
    await new Promise<void>((resolve) => server.listen(this.#port, '127.0.0.1', resolve))
    this.#port = (server.address() as AddressInfo).port
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}/`
  }

  /** It is gone, until it listens again at the same port. */
  async leave(): Promise<void> {
    this.#server?.closeAllConnections()
    await new Promise((resolve) => this.#server?.close(resolve))
  }

  async #respond(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname } = new URL(request.url ?? '/', this.url)
    if (!pathname.startsWith('/v1/')) return this.#page(pathname, request, response)
    if (this.key !== undefined && request.headers.authorization !== `Bearer ${this.key}`) {
      response.writeHead(401, { 'Content-Type': 'application/json' })
      response.end(JSON.stringify({ error: { message: 'no key', code: 'invalid_api_key' } }))
      return
    }
    if (pathname === '/v1/models') {
      response.writeHead(200, { 'Content-Type': 'application/json' })
      response.end(JSON.stringify({ object: 'list', data: this.models }))
      return
    }
    let body = ''
    for await (const chunk of request) body += chunk
    const asked = JSON.parse(body) as Asked
    this.asked.push(asked)
    await this.script(new Answer(response), asked)
  }

  async #page(
    path: string,
    { headers, method = 'GET' }: IncomingMessage,
    response: ServerResponse,
  ): Promise<void> {
    const accepted = { 'Accept-Encoding': String(headers['accept-encoding'] ?? '') }
    const page = await this.#app.request(path, { method, headers: accepted })
    response.writeHead(page.status, Object.fromEntries(page.headers))
    response.end(Buffer.from(await page.arrayBuffer()))
  }
}

function loadedModel(id: string): object {
  const details = {
    ...{ architecture: 'qwen3', generates: true, dtype: 'bfloat16', weight_bytes: 1.2e9 },
    ...{ device: 'cpu', isa: 'avx2', threads: 4 },
  }
  return { id, object: 'model', max_model_len: 1000, status: 'loaded', progress: null, details }
}

/** Answers with what the question says. */
export const echo: Script = (answer, { messages }) => {
  answer.text(`You said ${messages.at(-1)?.content}.`)
  answer.end()
}

/** A server for the tests of a file, as new for each. */
export function useFakeServer(): FakeServer {
  const server = new FakeServer()
  const { script } = server
  beforeAll(() => server.listen())
  afterAll(() => server.leave())
  beforeEach(() => {
    server.asked.length = 0
    server.script = script
    server.key = undefined
  })
  return server
}
