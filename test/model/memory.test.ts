import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'
import { load } from '../../lib/index.js'

const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url))

it('resident memory stays level over many rounds of requests', async () => {
  const { stdout } = await promisify(execFile)(process.execPath, [
    '--expose-gc',
    path('memory-rounds.mjs'),
    path('../../dist/index.js'),
  ])
  const { slope, active, queued, pagesInUse } = JSON.parse(stdout)
  expect({ active, queued, pagesInUse }).toEqual({ active: 0, queued: 0, pagesInUse: 0 })
  expect(slope, `bytes a round: ${stdout}`).toBeLessThan(20 * 1024)
})

it('logits come in the memory that they were computed in: a copy of gigabytes would hold the event loop', async () => {
  const model = await load()
  const tokens = Int32Array.from({ length: 400 }, (_, i) => i)
  const allocated = () => process.memoryUsage().arrayBuffers
  const before = allocated()
  const { data, shape } = await model.logits(tokens)
  expect(allocated() - before).toBeLessThan(data.byteLength / 2)
  await model.close()
  expect(shape).toEqual([400, 5120])
  const last = data.slice(-5120)
  const other = await load()
  expect((await other.logits(tokens, { positions: 'last' })).data).toEqual(last)
  const buffer = data.buffer as ArrayBuffer
  const moved = structuredClone(buffer, { transfer: [buffer] })
  expect(new Float32Array(moved).subarray(-5120)).toEqual(last)
  await other.close()
})
