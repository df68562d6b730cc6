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
  const child = spawn(process.execPath, [bin, ...args], { cwd: '/', stdio: ['pipe', 'pipe', 'pipe'] })
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

/** All that comes of a command whose input is this text. */
async function piped(input: string, ...args: string[]) {
  const { child, ended } = start(...args)
  let out = ''
  child.stdout.on('data', (chunk) => {
    out += chunk
  })
  child.stdin.end(input)
  return { ...(await ended), out }
}

test('embeds the lines of its input, and tells the perplexity of it', async () => {
  const embedded = await piped('Once upon a time\r\nThe end.\n', 'embed', '--dimensions', '4')
  expect(embedded).toMatchObject({ code: 0, err: '' })
  const vectors = embedded.out
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line))
  expect(vectors.map((vector) => vector.length)).toEqual([4, 4])
  const scored = await piped('Once upon a time there lived a boy.', 'score')
  expect(scored).toMatchObject({ code: 0, err: '' })
  expect(scored.out).toMatch(/^perplexity \d+\.\d{3}, \d+\.\d{4} nats a token, \d+ tokens\n$/)
  expect(await piped('', 'embed')).toMatchObject({
    code: 1,
    err: expect.stringContaining('there is no text'),
  })
})

test('Ctrl-C ends an embedding with the exit status 130, and what came before is whole lines', async () => {
  const { child, ended } = start('embed')
  let out = ''
  child.stdout.on('data', (chunk) => {
    out += chunk
  })
  child.stdin.end('The little fox ran through the wood and sang.\n'.repeat(50_000))
  await once(child.stdout, 'data')
  child.kill('SIGINT')
  expect(await ended).toEqual({ code: 130, signal: null, err: '' })
  expect(out.endsWith(']\n')).toBe(true)
})
