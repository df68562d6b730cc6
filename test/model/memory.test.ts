import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'

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
