import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync, truncateSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { answersOf, batchFiles, completion } from '../batch/batch-files.js'
import { eventually } from '../eventually.js'
import { lateLibrary } from '../late-library.js'
import { interruptedAtItsEnd } from './interrupted.js'
import { quern } from './quern.js'

const command = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url))
const children: ChildProcess[] = []
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL')
  vi.unstubAllEnvs()
})

function start({ input, output }: { input: string; output: string }, ...flags: string[]) {
  const child = spawn(process.execPath, [command, 'batch', input, output, '--threads', '1', ...flags], {
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  children.push(child)
  let said = ''
  child.stderr.on('data', (text) => {
    said += text
  })
  return { child, exit: once(child, 'close').then(([code]) => code as number | null), said: () => said }
}

function linesOf(path: string): number {
  return existsSync(path) ? readFileSync(path, 'utf8').split('\n').length - 1 : 0
}

const names = (count: number) => Array.from({ length: count }, (_, i) => `r${i}`)
const lines = (count: number, tokens: number) =>
  names(count).map((name) => completion(name, { max_tokens: tokens, ignore_eos: true }))

describe('quern batch', () => {
  it('answers a file, and says how it went', async () => {
    const files = batchFiles([...lines(5, 4), 'nonsense'])
    const { code, err } = await quern('batch', files.input, files.output, '--threads', '1')
    expect(code).toBe(0)
    expect(err).toMatch(/^6 of 6, 1 failed, in .* generated; the failures are in /)
    expect(answersOf(files.output)).toHaveLength(6)
  })

  it('loses and doubles nothing, however often it is killed', async () => {
    const files = batchFiles(lines(120, 40))
    for (let kills = 0; kills < 4; kills++) {
      const before = linesOf(files.output)
      const { child, exit } = start(files, '--concurrency', '6')
      await eventually(() => linesOf(files.output) >= before + 10, 'ten more answers')
      child.kill('SIGKILL')
      expect(await exit).toBeNull()
      const { length } = readFileSync(files.output)
      if (kills % 2 === 0) truncateSync(files.output, length - 20) // as if it had been amid a line
    }
    const { exit, said } = start(files)
    expect(await exit).toBe(0)
    expect(said()).toMatch(/^120 of 120, \d+ of them before, in /)
    expect(
      answersOf(files.output)
        .map(({ custom_id }) => custom_id)
        .sort(),
    ).toEqual(names(120).sort())
  })

  it('loads the model again after its GPU failed, and ends where that fails too', async () => {
    vi.stubEnv('QUERN_CUDA_LIBRARY', lateLibrary)
    vi.stubEnv('QUERN_LATE_LOST', '20')
    const flags = ['--device', 'cuda', '--concurrency', '2']
    const isWhole = ({ response }: { response: { status_code: number } | null }) =>
      response?.status_code === 200
    const files = batchFiles(lines(6, 8))
    expect(await start(files, ...flags).exit).toBe(0)
    expect(answersOf(files.output).filter(isWhole)).toHaveLength(6)

    const others = batchFiles(lines(6, 8))
    vi.stubEnv('QUERN_LATE_DEVICES', '1')
    const { exit, said } = start(others, ...flags)
    expect(await exit).toBe(1)
    expect(said()).toMatch(
      /the same command goes on\nerror: late: .*: restart the process \(device_failed\)\n$/,
    )
    const first = answersOf(others.output)
    expect(first.length).toBeGreaterThan(0)
    expect(first.length).toBeLessThan(6)
    expect(first.every(isWhole)).toBe(true)

    vi.unstubAllEnvs()
    expect((await quern('batch', others.input, others.output, '--threads', '1')).code).toBe(0)
    expect(answersOf(others.output).filter(isWhole)).toHaveLength(6)
  })

  it('ends what runs at Ctrl-C, and leaves at once at a second', async () => {
    for (const signals of [1, 2]) {
      const files = batchFiles(lines(200, signals === 1 ? 40 : 1500))
      const { child, exit, said } = start(files, '--concurrency', '3')
      await eventually(() => existsSync(files.output), 'the output')
      if (signals === 1) await eventually(() => linesOf(files.output) > 3, 'an answer')
      child.kill('SIGINT')
      await eventually(() => said().includes('once more to leave at once'), 'the first signal')
      if (signals === 2) child.kill('SIGINT')
      expect(await exit).toBe(130)
      const answers = answersOf(files.output)
      expect(answers.length).toBeLessThan(200)
      expect(answers.every(({ response }) => response?.status_code === 200)).toBe(true)
      if (signals === 1) expect(said()).toContain('the same command goes on')
    }
  })

  it('has its exit code where the second comes while the process ends', async () => {
    vi.stubEnv('NODE_OPTIONS', interruptedAtItsEnd)
    const files = batchFiles(lines(200, 40))
    const { child, exit } = start(files)
    await eventually(() => existsSync(files.output), 'the output')
    child.kill('SIGINT')
    expect(await exit).toBe(130)
  })

  it('refuses what is no batch', async () => {
    expect(await quern('batch', '/nowhere/in.jsonl', 'out')).toMatchObject({ code: 1 })
    const files = batchFiles(lines(1, 1))
    expect(await quern('batch', files.input, files.input)).toMatchObject({
      code: 2,
      err: expect.stringContaining('the same file'),
    })
    expect(await quern('batch', files.input)).toMatchObject({ code: 2 })
  })
})
