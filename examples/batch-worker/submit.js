// Puts the lines of a file into the queue. Doing it again, after a failure half-way for instance, adds what is missing.
// usage: node submit.js BATCH IN.jsonl
import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'
import { Queue } from 'bullmq'
import { chunksKey, connect, jobId, queueName } from './queue.js'

const [batch, path] = process.argv.slice(2)
const linesInChunk = Number(process.env.CHUNK ?? 64)
const connection = connect()
const queue = new Queue(queueName, { connection })
let chunk = 0

async function add(first, lines) {
  await queue.add(
    'chunk',
    { first, lines },
    {
      jobId: jobId(batch, chunk++),
      attempts: 10, // where a worker fails, another one may not
      backoff: { type: 'exponential', delay: 1000 },
    },
  )
}

let lines = []
let number = 0
for await (const line of createInterface({ input: createReadStream(path) })) {
  lines.push(line)
  number++
  if (lines.length < linesInChunk) continue
  await add(number - lines.length + 1, lines)
  lines = []
}
if (lines.length > 0) await add(number - lines.length + 1, lines)
await connection.set(chunksKey(batch), chunk)
console.log(`${batch}: ${number} lines in ${chunk} chunks`)
await queue.close()
connection.disconnect()
