import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'
import { load } from '../../lib/index.js'
import { expectBelow } from '../promptly.js'

const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url))

it('resident memory stays level over many rounds of requests', async () => {
  const program = ['--expose-gc', path('memory-rounds.mjs'), path('../../dist/index.js')]
  const growth = async () => {
    const { stdout } = await promisify(execFile)(process.execPath, program)
    const { slope, active, queued, pagesInUse } = JSON.parse(stdout)
    expect({ active, queued, pagesInUse }).toEqual({ active: 0, queued: 0, pagesInUse: 0 })
    return slope as number
  }
  // A leak of 3 KiB for each of the eight requests of a round is in every process; what an allocator does is another thing in each.
  await expectBelow(20 * 1024, growth, 'of resident memory', 'bytes a round')
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
