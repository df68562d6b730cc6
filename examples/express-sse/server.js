// Answers a conversation as server-sent events. A client that goes away ends its generation.
// usage: node server.js [MODEL]      PORT says where, 3000 by default
import express from 'express'
import { load, QuernError } from 'quern'

const model = await load(process.argv[2])
const app = express()
app.use(express.json({ limit: '1mb' }))

app.post('/chat', async (request, response) => {
  const gone = new AbortController()
  response.on('close', () => gone.abort())
  const send = async (event, data) => {
    const isRoom = response.write(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`)
    if (!isRoom && !gone.signal.aborted) await once(response, 'drain', gone.signal)
  }
  try {
    const reply = model.chat(request.body?.messages, { maxTokens: 512, signal: gone.signal })
    const events = reply.events()
    const first = await events.next() // what is wrong with the messages is known now, and can have a status
    response.set({ 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-cache' })
    for (let { done, value } = first; !done; { done, value } = await events.next()) {
      if (value.type === 'text-delta') await send('text', value.text)
      if (value.type === 'stream-end')
        await send('end', { finishReason: value.finishReason, usage: value.usage })
    }
    response.end()
  } catch (error) {
    if (gone.signal.aborted) return
    const { code, message } =
      error instanceof QuernError ? error : { code: 'internal', message: 'see the log' }
    if (code === 'internal') console.error(error)
    if (response.headersSent) response.end(`event: error\ndata: ${JSON.stringify({ code, message })}\n\n`)
    else
      response.status(code === 'internal' ? 500 : code === 'overloaded' ? 503 : 400).json({ code, message })
  }
})

/** Waits for an event, or for the end of who waits. */
function once(emitter, name, signal) {
  return new Promise((resolve) => {
    emitter.once(name, resolve)
    signal.addEventListener('abort', resolve, { once: true })
  })
}

const server = app.listen(Number(process.env.PORT ?? 3000), '127.0.0.1', () => {
  console.log(`http://127.0.0.1:${server.address().port}/chat`)
})
for (const signal of ['SIGINT', 'SIGTERM']) {
  process.once(signal, () => {
    server.close()
    server.closeAllConnections()
    void model.close()
  })
}
