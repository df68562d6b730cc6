// Templates in a thread whose memory has a bound. What takes more ends the thread, whenever garbage would be collected.
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'

const template = fileURLToPath(new URL('../../dist/jinja/template.js', import.meta.url))

const program = `
  const { parentPort, workerData } = require('node:worker_threads')
  const { Template } = require(workerData.template)
  const outcome = (source) => {
    try {
      new Template(source).render({}, new Date())
    } catch (error) {
      return error.code
    }
  }
  parentPort.postMessage(workerData.sources.map(outcome))`

/**
 * The codes of the errors that templates end with, rendered one after the other in so many megabytes of heap; undefined for one without.
 *
 * @throws An error with the code ERR_WORKER_OUT_OF_MEMORY where they take more.
 */
export function outcomesWithin(megabytes: number, sources: string[]): Promise<(string | undefined)[]> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(program, {
      eval: true,
      workerData: { template, sources },
      resourceLimits: { maxOldGenerationSizeMb: megabytes },
    })
    worker.once('message', resolve).once('error', reject)
  })
}
