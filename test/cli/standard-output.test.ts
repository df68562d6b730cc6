// What happens to standard output is no crash of Node's: a full disk, and a reader that has seen enough.
import { spawn, spawnSync } from 'node:child_process'
import { closeSync, openSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, it, test } from 'vitest'

const command = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url))

test.each([
  [['generate', 'Once', '--max-tokens', '5']],
  [['generate', 'Once', '--ignored-flag']],
  [['chat', '--json', 'Hi', '--max-tokens', '3']],
  [['inspect', '--json']],
  [['doctor']],
])('%j on a full disk fails with a code', (argv) => {
  const full = openSync('/dev/full', 'w')
  const { status, stderr } = spawnSync(process.execPath, [command, ...argv], {
    stdio: ['ignore', full, 'pipe'],
    encoding: 'utf8',
  })
  closeSync(full)
  expect(stderr).not.toMatch(/Unhandled|at .*\.js:/)
  if (argv.includes('--ignored-flag')) return expect(status).toBe(2) // nothing was written
  expect(stderr).toMatch(/^error: standard output: .*ENOSPC.* \(disk_full\)\n$/)
  expect(status).toBe(1)
})

it('ends quietly where the reader closes the pipe', async () => {
  const child = spawn(process.execPath, [command, 'generate', 'Once', '--max-tokens', '1000'], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let said = ''
  child.stderr.on('data', (chunk) => {
    said += chunk
  })
  child.stdout.once('data', () => child.stdout.destroy())
  const status = await new Promise((resolve) => child.once('close', resolve))
  expect({ status, said }).toEqual({ status: 0, said: '' })
})

it('is no matter where standard error cannot be written', () => {
  const full = openSync('/dev/full', 'w')
  const { status } = spawnSync(
    process.execPath,
    [command, 'generate', 'Once', '--max-tokens', '5', '--stats'],
    {
      stdio: ['ignore', 'pipe', full],
    },
  )
  closeSync(full)
  expect(status).toBe(0)
})
