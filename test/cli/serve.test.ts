import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { servedSources } from '../../lib/cli/served-sources.js'
import { ask, streamed } from '../server/streams.js'
import { interruptedAtItsEnd } from './interrupted.js'
import { quern } from './quern.js'

const command = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url))
const children: ChildProcess[] = []
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL')
})

/** `quern serve` in a process of its own, when it says where it is. */
async function start(flags: string[] = [], env: Record<string, string> = {}) {
  const child = spawn(process.execPath, [command, 'serve', '--port', '0', '--threads', '1', ...flags], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  children.push(child)
  const exit = once(child, 'close').then(([code]) => code as number)
  let said = ''
  const url = await new Promise<string>((resolve, reject) => {
    exit.then((code) => reject(new Error(`${code}: ${said}`)))
    child.stderr.on('data', (text) => {
      said += text
      const [, found] = /serving .* on (\S+), /.exec(said) ?? []
      if (found) resolve(found)
    })
  })
  return { child, exit, url, said: () => said }
}

/** Until the first signal was taken: two that wait at the same time are one. */
async function untilNotReady(url: string): Promise<void> {
  while (
    await fetch(`${url}/ready`).then(
      ({ ok }) => ok,
      () => false,
    )
  )
    await sleep(10)
}

/** Tokens that take hours, on however fast a machine: where a context overflows, nothing else ends a text. */
const endless = 1e9

/** Until a request waits for the model. */
async function untilLoading(url: string, name: string): Promise<void> {
  const status = async () => JSON.parse(await (await fetch(`${url}/v1/models/${name}`)).text()).status
  while ((await status()) !== 'loading') await sleep(1)
}

describe('quern serve', () => {
  it('serves the bundled model, and says how to ask it', async () => {
    const { url, said, child, exit } = await start()
    const sentence = said()
    expect(sentence).toContain(`serving quern-tiny on ${url}, without an API key; computed on cpu `)
    expect(sentence).toContain(`curl ${url}/v1/completions`)
    const { status, text } = await ask(`${url}/v1/completions`, { prompt: 'Once upon a time', max_tokens: 4 })
    expect(status).toBe(200)
    expect(JSON.parse(text).model).toBe('quern-tiny')
    child.kill('SIGTERM')
    expect(await exit).toBe(0)
    const line = JSON.parse(said().trim().split('\n').at(-1) ?? '')
    expect(line).toMatchObject({ level: 'info', path: '/v1/completions', status: 200, completion_tokens: 4 })
  })

  it('lets streams end when it is told to end, and cuts them when told again', async () => {
    for (const signals of [1, 2]) {
      const { url, child, exit } = await start(['--log', 'off', '--context-overflow', 'sink'])
      const tokens = signals === 1 ? 900 : endless
      const long = { prompt: 'Once', max_tokens: tokens, ignore_eos: true, stream: true }
      let sent = 0
      const { text } = await ask(`${url}/v1/completions`, long, () => {
        if (sent++ > 0) return
        child.kill('SIGINT')
        if (signals === 2) void untilNotReady(url).then(() => child.kill('SIGINT'))
      })
      expect(streamed(text).isWhole).toBe(signals === 1)
      expect(await exit).toBe(signals === 1 ? 0 : 130)
    }
  })

  it('has its exit code where it is told again while the process ends', async () => {
    const { child, exit } = await start(['--log', 'off'], { NODE_OPTIONS: interruptedAtItsEnd })
    child.kill('SIGTERM')
    expect(await exit).toBe(130)
  })

  it('tells who waits for a model to be loaded that it ends', async () => {
    const { url, child, exit, said } = await start([
      '--model',
      'a=random:qwen3-0.6b',
      '--model',
      'b=models/tiny',
    ])
    const answer = ask(`${url}/v1/completions`, { model: 'a', prompt: [1, 2, 3], max_tokens: 2 })
    await untilLoading(url, 'a')
    child.kill('SIGTERM')
    const { status, text } = await answer
    expect({ status, code: JSON.parse(text).error?.code }).toEqual({ status: 503, code: 'closing' })
    expect(await exit).toBe(0)
    expect(said()).not.toContain('"error"')
  })

  it('takes keys from flags and from the environment', async () => {
    const { url } = await start(['--api-key', 'one', '--log', 'off'], { QUERN_API_KEY: 'two,three' })
    const status = async (key?: string) => {
      const headers: Record<string, string> = key === undefined ? {} : { Authorization: `Bearer ${key}` }
      return (await fetch(`${url}/v1/models`, { headers })).status
    }
    expect([await status(), await status('one'), await status('two'), await status('three')]).toEqual([
      401, 200, 200, 200,
    ])
  })

  it('ends with 1 where the model is none, and with 2 for a wrong flag', async () => {
    expect(await quern('serve', '--port', '0', '--model', './no-such-folder')).toMatchObject({
      code: 1,
      err: expect.stringContaining('missing_file'),
    })
    const two = ['serve', '--port', '0', '--model', 'a=./none', '--model', 'b=./none']
    for (const flag of [
      ['--device', 'nonsense'],
      ['--dtype', 'foo'],
    ])
      expect(await quern(...two, ...flag)).toMatchObject({
        code: 2,
        err: expect.stringContaining(flag[1] ?? ''),
      })
    vi.stubEnv('QUERN_CUDA_LIBRARY', '/nowhere/cuda.so')
    expect(await quern(...two, '--device', 'cuda')).toMatchObject({ code: 1 })
    vi.unstubAllEnvs()
    expect(await quern('serve', '--prot', '0')).toMatchObject({ code: 2 })
    expect(await quern('serve', '--port', '0', '--api-key', 'with space')).toMatchObject({ code: 2 })
  })
})

it.each(['serve', 'bench serve'])('help of %s tells defaults as they are written', async (words) => {
  const { out } = await quern(...words.split(' '), '--help')
  expect(out).toContain('--model')
  expect(out.replace(/\s+/g, ' ')).not.toMatch(/default: (\[|null)/)
})

describe('the names of models', () => {
  it.each([
    [[], [['quern-tiny', undefined]]],
    [['Qwen/Qwen3-0.6B'], [['Qwen/Qwen3-0.6B', 'Qwen/Qwen3-0.6B']]],
    [['./models/Qwen3/'], [['Qwen3', './models/Qwen3/']]],
    [['/data/a=b'], [['a=b', '/data/a=b']]],
    [['random:qwen3-0.6b'], [['random:qwen3-0.6b', 'random:qwen3-0.6b']]],
    [
      ['chat=Qwen/Qwen3-0.6B', 'gpt-4o=./x'],
      [
        ['chat', 'Qwen/Qwen3-0.6B'],
        ['gpt-4o', './x'],
      ],
    ],
  ])('%j', (given, expected) => {
    expect([...servedSources(given)]).toEqual(expected)
  })

  it('name a model', () => {
    expect(() => servedSources(['small='])).toThrow('--model small=: expected a model, or NAME=MODEL')
  })

  it('are different', () => {
    expect(() => servedSources(['./a/x', './b/x'])).toThrow("another model is called 'x' already")
  })
})
