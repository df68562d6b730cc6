// Clients of a server that listens: streams of events, and bytes as they are.
import { type ClientRequest, type IncomingMessage, request } from 'node:http'
import { connect, type Socket } from 'node:net'

/** What a client has of an answer. */
export interface Received {
  status: number
  headers: IncomingMessage['headers']
  text: string
}

/** Posts JSON; `onText` is called with each piece of the answer as it comes. */
export function ask(
  url: string,
  body: unknown,
  onText: (text: string, request: ClientRequest) => void = () => {},
): Promise<Received> {
  return new Promise((resolve, reject) => {
    const sent = request(url, {
      method: 'POST',
      agent: false,
      headers: { 'Content-Type': 'application/json' },
    })
    sent.on('error', reject)
    sent.on('response', (response) => {
      let text = ''
      response.setEncoding('utf8')
      response.on('data', (piece) => {
        text += piece
        onText(piece, sent)
      })
      response.on('error', reject)
      response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, text }))
    })
    sent.end(typeof body === 'string' ? body : JSON.stringify(body))
  })
}

/** The text that a stream of completions gave, and whether it came to its end. */
export function streamed(text: string): { text: string; isWhole: boolean } {
  const data = text.split('\n\n').filter((block) => block.startsWith('data: {'))
  const texts = data.map((block) => JSON.parse(block.slice(6)).choices?.[0]?.text ?? '')
  return { text: texts.join(''), isWhole: text.endsWith('data: [DONE]\n\n') }
}

/** Milliseconds after which nothing comes any more, on however busy a machine. */
const hang = 60_000

/**
 * A connection that sends these bytes, and all that comes back until the server closes it, or for so many milliseconds after the last that
 * came: a server that says nothing at all is waited for until it hangs. `onText` is called when something has come.
 */
export function raw(
  port: number,
  bytes: string | Buffer,
  silence = hang,
  onText: () => void = () => {},
): Promise<string> {
  return new Promise((resolve) => {
    let text = ''
    const socket = open(port)
    const end = () => {
      socket.destroy()
      resolve(text)
    }
    let timer = setTimeout(end, hang)
    socket.on('data', (piece) => {
      text += piece
      onText()
      clearTimeout(timer)
      timer = setTimeout(end, silence)
    })
    for (const event of ['end', 'close']) {
      socket.on(event, () => {
        clearTimeout(timer)
        end()
      })
    }
    socket.write(bytes)
  })
}

/** A connection; that it breaks is no surprise. */
export function open(port: number): Socket {
  return connect({ port, host: '127.0.0.1', allowHalfOpen: true }).on('error', () => {})
}
