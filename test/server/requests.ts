// Requests to an app, without a network.
import type { ServerApp } from '../../lib/server/index.js'

/** What a test reads of an answer: JSON as it comes. */
// biome-ignore lint/suspicious/noExplicitAny: the tests say what they expect
export type Json = any

export function post(app: ServerApp, path: string, body: unknown, headers: Record<string, string> = {}) {
  return app.request(path, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  })
}

export async function json(response: Response | Promise<Response>): Promise<Json> {
  return (await response).json()
}

/** The events of a stream, each with its name, if it has one, and its data: parsed, but for '[DONE]'. */
export async function eventsOf(response: Response): Promise<{ event?: string; data: Json }[]> {
  const blocks = (await response.text())
    .split('\n\n')
    .filter((block) => block !== '' && !block.startsWith(':'))
  return blocks.map((block) => {
    const { event, data } = Object.fromEntries(
      block.split('\n').map((line) => line.split(/: (.*)/s).slice(0, 2)),
    ) as { event?: string; data: string }
    return { ...(event !== undefined && { event }), data: data === '[DONE]' ? data : JSON.parse(data) }
  })
}
