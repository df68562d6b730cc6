// OpenAI's API inside a server of your own: the same loaded model answers its requests and yours.
// prints: mine: 3 tokens
// prints: theirs: text_completion
// prints: 401
import type { AddressInfo } from 'node:net'
import { serve } from '@hono/node-server'
import { Hono } from 'hono'
import { load } from 'quern'
import { createApp } from 'quern/server'

const model = await load()
const llm = createApp({ models: { demo: model }, apiKeys: ['a-secret'], maxTokens: 256 })

const app = new Hono()
app.route('/llm', llm) // /llm/v1/completions, /llm/metrics and so on
app.get('/count', (c) => c.text(String(model.tokenizer.count(c.req.query('text') ?? ''))))

const server = serve({ fetch: app.fetch, port: 0, hostname: '127.0.0.1' })
await new Promise((resolve) => server.once('listening', resolve))
const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`

console.log(`mine: ${await (await fetch(`${url}/count?text=Once upon a`)).text()} tokens`)

const complete = (key: string) =>
  fetch(`${url}/llm/v1/completions`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', Authorization: `Bearer ${key}` },
    body: JSON.stringify({ prompt: 'Once upon a time', max_tokens: 16 }),
  })
const { object, choices } = (await (await complete('a-secret')).json()) as {
  object: string
  choices: { text: string }[]
}
console.log(`theirs: ${object}: ${choices[0]?.text}`)
console.log((await complete('a-guess')).status)

server.close()
await llm.close() // lets the requests that run end; the model stays ours
await model.close()
