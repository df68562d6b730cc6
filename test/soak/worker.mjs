// A model in a worker, which is closed, left open, or ended from outside in mid-generation.
import { parentPort, workerData } from 'node:worker_threads'

const { load } = await import(workerData.entry)
const model = await load(workerData.model)
const text = model.generate('Once upon a time', { maxTokens: 2000, ignoreEos: true, temperature: 1 })
let pieces = 0
for await (const _ of text) {
  if (++pieces === 5) parentPort.postMessage('running')
  if (workerData.end === 'close' && pieces === 30) break
}
if (workerData.end === 'close') await model.close()
