// Answers chunks until it is told to end. Start one on each machine, as many machines as there are.
// usage: node worker.js [MODEL]
import { Worker } from 'bullmq'
import { answerBatchLine } from 'quern/batch'
import { createApp } from 'quern/server'
import { connect, queueName } from './queue.js'

const source = process.argv[2]
const app = createApp({ models: { [source ?? 'quern-tiny']: { source } } })
await app.preload()
const lockMs = Number(process.env.LOCK_MS ?? 30_000)
const connection = connect()

const worker = new Worker(
  queueName,
  async ({ id, data: { first, lines } }) => {
    console.log(`began ${id}`)
    const asked = lines
      .map((line, i) => ({ line, number: first + i }))
      .filter(({ line }) => line.trim() !== '')
    return Promise.all(asked.map(({ line, number }) => answerBatchLine(app, line, number)))
  },
  {
    connection,
    concurrency: 2, // so that there is a next chunk while the last lines of one are answered
    // A worker that is gone does not renew its lock, and its chunks are given to others. One that has lost its lock cannot give a result.
    lockDuration: lockMs,
    stalledInterval: lockMs,
    maxStalledCount: 10,
  },
)
worker.on('completed', ({ id }) => console.log(`ended ${id}`))
worker.on('failed', (job, error) => console.error(`${job?.id}: ${error.message}`))
worker.on('error', (error) => console.error(error.message))

for (const signal of ['SIGINT', 'SIGTERM'])
  process.once(signal, async () => {
    await worker.close() // after the chunks that it has begun
    await app.close()
    connection.disconnect()
  })
