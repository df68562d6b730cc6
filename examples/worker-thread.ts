// A model inside a worker. Compute threads are native and shared by the whole process, so this is not needed to keep the event loop free.
// prints: from the worker:
import { isMainThread, parentPort, Worker } from 'node:worker_threads'
import { load } from 'quern'

if (isMainThread) {
  const worker = new Worker(new URL(import.meta.url))
  worker.on('message', (text) => console.log('from the worker:', text))
} else {
  const model = await load()
  parentPort?.postMessage(await model.generate('Once upon a time', { maxTokens: 20, temperature: 0 }).text())
  await model.close()
}
