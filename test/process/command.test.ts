// The built command at a terminal and in a pipe.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { packageFolder } from './run-script.js'

const bin = join(packageFolder, 'dist/cli/main.js')
/** Noise, which has no reason to end before the context does. */
const long = [
  'generate',
  'Once upon a time',
  '--temperature',
  '100',
  '--samplers',
  'temperature',
  '--seed',
  '1',
]

function start(...args: string[]) {
  const child = spawn(process.execPath, [bin, ...args], { cwd: '/', stdio: ['ignore', 'pipe', 'pipe'] })
  let err = ''
  child.stderr.on('data', (chunk) => {
    err += chunk
  })
  const ended = once(child, 'close').then(([code, signal]) => ({ code, signal, err }))
  return { child, ended }
}

test('Ctrl-C ends a text with a line break and the exit status 130', async () => {
  const { child, ended } = start(...long)
  let out = ''
  child.stdout.on('data', (chunk) => {
    out += chunk
  })
  await once(child.stdout, 'data')
  child.kill('SIGINT')
  expect(await ended).toEqual({ code: 130, signal: null, err: '' })
  expect(out).toMatch(/^.+\n$/s)
})

test('a reader that has seen enough, as head has, ends the command in silence', async () => {
  const { child, ended } = start(...long)
  await once(child.stdout, 'data')
  child.stdout.destroy()
  expect(await ended).toEqual({ code: 0, signal: null, err: '' })
})
