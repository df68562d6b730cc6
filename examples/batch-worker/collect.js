// Waits for all answers of a batch, and writes them to a file, in the order of the lines.
// usage: node collect.js BATCH OUT.jsonl
import { open, rename } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { Job, Queue } from 'bullmq'
import { chunksKey, connect, jobId, queueName } from './queue.js'

const [batch, path] = process.argv.slice(2)
const connection = connect()
const queue = new Queue(queueName, { connection })
const chunks = Number(await connection.get(chunksKey(batch)))
if (chunks === 0) throw new Error(`${batch}: there is no such batch: submit it first`)

/** The answers of a chunk, when it has them: a job has one result, however often it was begun. */
async function answersOf(id) {
  for (;;) {
    const job = await Job.fromId(queue, id)
    if (!job) throw new Error(`${id} is not in the queue any more`)
    if (await job.isCompleted()) return (await Job.fromId(queue, id)).returnvalue
    if (await job.isFailed()) throw new Error(`${id}: ${job.failedReason}`)
    await sleep(100)
  }
}

const file = await open(`${path}.part`, 'w')
for (let chunk = 0; chunk < chunks; chunk++)
  for (const answer of await answersOf(jobId(batch, chunk)))
    await file.appendFile(`${JSON.stringify(answer)}\n`)
await file.sync()
await file.close()
await rename(`${path}.part`, path)
console.log(`${batch}: ${chunks} chunks, in ${path}`)
await queue.close()
connection.disconnect()
