// examples/batch-worker on a real Redis: `npm ci --prefix examples/batch-worker`, and Debian's redis-server.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, symlinkSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { answersOf, batchFiles, completion } from '../batch/batch-files.js'
import { eventually } from '../eventually.js'
import { requirePresent } from '../require-present.js'
import { hasRedis, startRedis } from './redis.js'

const root = fileURLToPath(new URL('../..', import.meta.url))
const example = join(root, 'examples/batch-worker')
const hasPackages = existsSync(join(example, 'node_modules/bullmq'))

requirePresent('redis-server', hasRedis ? undefined : 'apt-get install redis-server')
requirePresent('BullMQ', hasPackages ? undefined : 'npm ci --prefix examples/batch-worker')

const chunk = 4

describe.runIf(hasRedis && hasPackages)('the example of a batch by several workers', () => {
  let redis: Awaited<ReturnType<typeof startRedis>>
  const children: ChildProcess[] = []

  beforeAll(async () => {
    redis = await startRedis()
    const installed = join(example, 'node_modules/quern') // as `npm install quern` would
    if (!existsSync(installed)) symlinkSync(root, installed)
  })
  afterAll(async () => {
    for (const child of children) child.kill('SIGKILL')
    await redis?.close()
  })

  function start(script: string, ...args: string[]) {
    const env = { ...process.env, REDIS_URL: redis.url, CHUNK: `${chunk}`, LOCK_MS: '3000' }
    const child = spawn(process.execPath, [script, ...args], { cwd: example, env })
    children.push(child)
    let out = ''
    let err = ''
    child.stdout.on('data', (text) => {
      out += text
    })
    child.stderr.on('data', (text) => {
      err += text
    })
    const exit = once(child, 'close').then(([code]) => code as number | null)
    const count = (word: string) => out.split('\n').filter((line) => line.startsWith(`${word} `)).length
    return { child, exit, count, said: () => out + err }
  }

  async function run(script: string, ...args: string[]): Promise<string> {
    const { exit, said } = start(script, ...args)
    if ((await exit) !== 0) expect.fail(`${script}: ${said()}`)
    return said()
  }

  it('loses no line and has none twice where a worker is killed amid its chunks', async () => {
    const names = Array.from({ length: 48 }, (_, i) => `r${i}`)
    // A machine has answered them all in some seconds: before that, the test must see that a worker is amid one.
    const lines = names.map((name) => completion(name, { max_tokens: 400, ignore_eos: true }))
    const { input, output } = batchFiles([...lines, 'nonsense'])
    const chunks = Math.ceil(49 / chunk)
    expect(await run('submit.js', 'monday', input)).toContain(`49 lines in ${chunks} chunks`)
    await run('submit.js', 'monday', input) // adds nothing

    const killed = start('worker.js')
    const other = start('worker.js')
    await eventually(() => killed.count('began') > killed.count('ended'), 'a chunk that is begun')
    killed.child.kill('SIGKILL')
    expect(await killed.exit).toBeNull()
    expect(killed.count('began')).toBeGreaterThan(killed.count('ended'))

    const worked = other.exit.then((code) =>
      expect.fail(`the other worker ended with ${code}: ${other.said()}`),
    )
    const collected = await Promise.race([run('collect.js', 'monday', output), worked])
    worked.catch(() => {}) // it is told to end below
    expect(collected).toContain(`${chunks} chunks`)
    const answers = answersOf(output)
    expect(answers.map(({ custom_id }) => custom_id)).toEqual([...names, null])
    expect(answers.slice(0, -1).every(({ response }) => response?.status_code === 200)).toBe(true)
    expect(answers.at(-1)?.error).toMatchObject({ code: 'invalid_line', line: 49 })

    other.child.kill('SIGTERM')
    expect(await other.exit).toBe(0)
  })

  it('says so where there is no such batch', async () => {
    const { exit, said } = start('collect.js', 'tuesday', join(dirname(root), 'nowhere'))
    expect(await exit).toBe(1)
    expect(said()).toContain('tuesday: there is no such batch')
  })
})
