// Loading: options, progress, abort, closing, several models.
import { truncateSync } from 'node:fs'
import { copyFile, mkdir, writeFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'
import { describe, expect, it } from 'vitest'
import { bundledModelPath } from '../../lib/checkpoint/bundled.js'
import { readFolder } from '../../lib/checkpoint/folder.js'
import { planModel } from '../../lib/checkpoint/plan-model.js'
import { type LoadOptions, type LoadProgress, load } from '../../lib/index.js'
import { eventually } from '../eventually.js'
import { fixturePath } from '../golden.js'
import { expectLevelMemory } from '../level-memory.js'
import { expectPrompt } from '../promptly.js'
import { expectCode } from './expect-code.js'
import { temporaryFolder } from './temporary.js'

const fixture = fixturePath('models', 'qwen3-tied')
const greedy = { temperature: 0, maxTokens: 6, ignoreEos: true }
const megabyte = 2 ** 20
const folder = temporaryFolder()

/** A copy of the bundled model that one may damage. */
async function copyOfBundled(name: string): Promise<string> {
  const path = folder.join(name)
  await mkdir(path)
  for (const file of ['config.json', 'model.safetensors'])
    await copyFile(`${bundledModelPath()}/${file}`, `${path}/${file}`)
  return path
}

describe('options', () => {
  const numbers = ['threads', 'contextLength']
  const noNumbers = ['1', null, true, {}, Number.NaN, Number.POSITIVE_INFINITY, 0, -1, 1.5]
  const wrong: [string, unknown][] = [
    ...numbers.flatMap((name) => noNumbers.map((value): [string, unknown] => [name, value])),
    ['threads', 257],
    ...['gpu', '', 5, null, 'CPU'].map((value): [string, unknown] => ['device', value]),
    ...['f64', 16, null, 'q4_0'].map((value): [string, unknown] => ['dtype', value]),
    ...['slow', null, true].map((value): [string, unknown] => ['precision', value]),
    ...['yes', null, 1].map((value): [string, unknown] => ['deterministic', value]),
    ...['sse', null, 'avx1024'].map((value): [string, unknown] => ['isa', value]),
    ...[true, null, 'x'].map((value): [string, unknown] => ['tokenizer', value]),
    ...[5, null, 'x'].map((value): [string, unknown] => ['kvCache', value]),
    ...[5, null, 'x'].map((value): [string, unknown] => ['onProgress', value]),
    ...[5, null, {}].map((value): [string, unknown] => ['onWarning', value]),
    ...[5, null, {}].map((value): [string, unknown] => ['signal', value]),
  ]
  it.each(wrong)('refuses %s: %s', async (name, value) => {
    const error = await expectCode(() => load(fixture, { [name]: value } as LoadOptions), 'invalid_option')
    expect(error.message).toContain(`${name}: expected`)
    expect(error.value).toBe(value)
  })

  it('takes a position encoding in place of the model’s own', async () => {
    const model = await load(fixture, { positionEncoding: 'alibi' })
    for (const { mixer } of model.info.config.layers) expect([mixer.rope, mixer.alibi]).toEqual([-1, true])
    await model.close()
    const wrong = { positionEncoding: 'sinus' } as unknown as LoadOptions
    expect((await expectCode(() => load(fixture, wrong), 'invalid_option')).message).toContain('rope+alibi')
  })

  it.each(['1', null, Number.NaN, 0, -5, 0.5])('refuses kvCache.maxBytes: %s', async (maxBytes) => {
    const options = { kvCache: { maxBytes } } as LoadOptions
    const error = await expectCode(() => load(fixture, options), 'invalid_option')
    expect(error.message).toContain('kvCache.maxBytes')
    expect(error.value).toBe(maxBytes)
  })

  it('refuses a cache beyond all memory of the machine at once', async () => {
    for (const maxBytes of [4e12, 9e15]) {
      const error = await expectCode(
        () => load(fixture, { device: 'cpu', kvCache: { maxBytes } }),
        'out_of_memory',
      )
      expect(error.message).toMatch(
        /^kvCache\.maxBytes \(--kv-cache\): expected at most the \d+ bytes .*: take less$/,
      )
      expect(error.value).toBe(maxBytes)
    }
  })

  it.each([
    ['ropeScaling', {}],
    ['revision', 'main'],
    ['kvCache', { dtype: 'f16' }],
    ['contextlength', 5],
  ])('does not support %s: %s', async (name, value) => {
    const error = await expectCode(
      () => load(fixture, { [name]: value } as LoadOptions),
      'unsupported_option',
    )
    expect(error.message).toContain(name)
  })

  it('refuses more context than the model has', async () => {
    const { message, value } = await expectCode(
      () => load(fixture, { contextLength: 4097 }),
      'invalid_option',
    )
    expect(message).toContain('4096')
    expect(value).toBe(4097)
  })

  it('takes those that there are', async () => {
    const model = await load(fixture, {
      device: 'cpu',
      dtype: 'f32',
      precision: 'exact',
      contextLength: 100,
      kvCache: { maxBytes: megabyte },
      threads: 3,
      isa: 'baseline',
      tokenizer: false,
      onWarning: () => {},
      signal: new AbortController().signal,
    })
    expect(model.info).toMatchObject({
      source: fixture,
      architecture: 'qwen3',
      contextLength: 100,
      stopTokens: [251, 12],
      device: 'cpu',
      isa: 'baseline',
      threads: 3,
      precision: 'exact',
      dtype: 'f32',
      kvDtype: 'f32',
    })
    expect(Object.isFrozen(model.info)).toBe(true)
    expect(model.stats().kvCache.bytes).toBeLessThanOrEqual(megabyte)
    expect(model.stats().memory.weights).toBe(model.info.weightBytes)
    await model.close()
  })

  it.each(['f32', 'f16', 'bf16'] as const)('converts to %s', async (dtype) => {
    const model = await load(undefined, { dtype })
    expect(model.info.dtype).toBe(dtype)
    const { text } = await model.generate('Once upon a time', { temperature: 0, maxTokens: 20 }).result()
    expect(text).toBe(', in a busy city, there lived a playful boy named Otto. Otto was always full of')
    await model.close()
  })

  it('honours what generation_config.json says of sampling', async () => {
    const path = await copyOfBundled('penalised')
    await writeFile(`${path}/generation_config.json`, JSON.stringify({ repetition_penalty: 1.3 }))
    const warnings: string[] = []
    const model = await load(path, { onWarning: (message) => warnings.push(message) })
    expect(warnings).toEqual([])
    const input = { tokens: [5, 7, 11] }
    const options = { maxTokens: 60, ignoreEos: true }
    const own = await model.generate(input, options).result()
    const spelled = { ...options, temperature: 0, repetitionPenalty: 1.3 }
    expect(own.tokens).toEqual((await model.generate(input, spelled).result()).tokens)
    const without = { ...options, repetitionPenalty: 1 }
    expect(own.tokens).not.toEqual((await model.generate(input, without).result()).tokens)
    await model.close()
  })
})

describe('progress', () => {
  it('rises to the total', async () => {
    const seen: LoadProgress[] = []
    const model = await load(undefined, { onProgress: (progress) => seen.push(progress) })
    expect(seen.length).toBeGreaterThan(0)
    const loaded = seen.map(({ loadedBytes }) => loadedBytes)
    expect(loaded).toEqual([...loaded].sort((a, b) => a - b))
    const { loadedBytes, totalBytes } = seen.at(-1) as LoadProgress
    expect(loadedBytes).toBe(totalBytes)
    expect(new Set(seen.map((progress) => progress.totalBytes))).toEqual(new Set([totalBytes]))
    const { weights } = planModel(await readFolder(bundledModelPath())).plan
    expect(totalBytes).toBe(weights.reduce((sum, { rows, cols }) => sum + rows * cols * 2, 0)) // as stored: bf16
    await model.close()
  })
})

describe('an AbortSignal', () => {
  it('already aborted rejects with its reason', async () => {
    const reason = new Error('never')
    await expect(load(fixture, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
  })

  it('what onProgress throws stops it', async () => {
    let calls = 0
    const onProgress = () => {
      calls++
      throw new Error('no more')
    }
    await expect(load('random:qwen3-0.6b', { onProgress })).rejects.toThrow('no more')
    expect(calls).toBe(1)
  })

  it('aborted while weights are made stops that, and gives the memory back', async () => {
    const before = process.memoryUsage.rss()
    const millisecondsToStop = async () => {
      const controller = new AbortController()
      let aborted = Number.POSITIVE_INFINITY
      const onProgress = () => {
        aborted = Math.min(aborted, performance.now())
        controller.abort('enough')
      }
      await expect(load('random:qwen3-0.6b', { signal: controller.signal, onProgress })).rejects.toBe(
        'enough',
      )
      return performance.now() - aborted
    }
    for (let round = 0; round < 3; round++) await expectPrompt(1000, millisecondsToStop)
    const more = () => (process.memoryUsage.rss() - before) / megabyte
    await eventually(() => more() < 100, 'the memory is given back')
  })

  it('aborted after loading has no effect', async () => {
    const controller = new AbortController()
    const model = await load(fixture, { signal: controller.signal })
    controller.abort()
    expect((await model.generate({ tokens: [1] }, greedy).result()).tokens.length).toBe(6)
    await model.close()
  })
})

describe('closing', () => {
  it('twice is no error, and nothing works afterwards', async () => {
    const model = await load(fixture)
    await model.close()
    await model.close()
    await model[Symbol.asyncDispose]()
    await expectCode(() => model.generate({ tokens: [1] }).result(), 'closed')
    await expectCode(() => model.logits([1]), 'closed')
    await expectCode(() => model.stats(), 'closed')
    expect(model.info.architecture).toBe('qwen3')
  })

  it('while generating ends everything as closed', async () => {
    await expectPrompt(200, millisecondsToClose)
  })

  async function millisecondsToClose(): Promise<number> {
    const model = await load()
    const long = { ...greedy, maxTokens: 2000 }
    const iterated = (async () => {
      let text = ''
      try {
        for await (const piece of model.generate('Once upon a time', long)) text += piece
      } catch (error) {
        return { text, error }
      }
    })()
    const results = Array.from({ length: 5 }, () => model.generate('Once upon a time', long).result())
    const logits = model.logits(new Array(2000).fill(3), { positions: 'last' })
    const unread = model.generate('Once upon a time', long)
    await eventually(() => model.stats().active > 0, 'it works')
    const start = performance.now()
    const closing = model.close()
    await Promise.all([...results, logits].map((result) => expectCode(() => result, 'closed')))
    await closing
    const milliseconds = performance.now() - start
    expect(await iterated).toMatchObject({ error: { code: 'closed' } })
    await expectCode(() => unread.text(), 'closed')
    unread.cancel()
    return milliseconds
  }

  it('and loading again and again gives the memory back', async () => {
    const round = async () => {
      const model = await load()
      await model.generate('Once upon a time', greedy).text()
      await model.close()
    }
    const rounds = async (count: number) => {
      for (let i = 0; i < count; i++) await round()
      await sleep(50)
    }
    await rounds(5)
    await expectLevelMemory(30, () => rounds(25), 'of 25 models with 11 MB each')
  })
})

describe('more than one model', () => {
  it('at a time', async () => {
    const [one, two, three] = await Promise.all([load(), load(fixture), load()])
    const say = () => one.generate('Once upon a time', { temperature: 0, maxTokens: 30 }).text()
    const alone = await say()
    const ids = await two.generate({ tokens: [3, 4] }, { ...greedy, maxTokens: 100 }).result()
    const together = await Promise.all([
      say(),
      two.generate({ tokens: [3, 4] }, { ...greedy, maxTokens: 100 }).result(),
      three.generate('Once upon a time', { temperature: 0, maxTokens: 30 }).text(),
    ])
    expect(together[0]).toBe(alone)
    expect(together[1].tokens).toEqual(ids.tokens)
    expect(together[2]).toBe(alone)
    await one.close()
    expect(await three.generate('Once upon a time', { temperature: 0, maxTokens: 30 }).text()).toBe(alone)
    await Promise.all([two.close(), three.close()])
  })

  it('in workers, beside one here', async () => {
    const script = `
      const { parentPort, workerData } = require('node:worker_threads')
      import(workerData).then(async ({ load }) => {
        const model = await load()
        parentPort.postMessage(await model.generate('Once upon a time', { temperature: 0, maxTokens: 30 }).text())
        await model.close()
      })`
    const workerData = fileURLToPath(new URL('../../dist/index.js', import.meta.url))
    const texts = Array.from({ length: 3 }, () => {
      const worker = new Worker(script, { eval: true, workerData })
      return new Promise<string>((resolve, reject) => {
        let text = ''
        worker.on('message', (message) => {
          text = message
        })
        worker.on('error', reject)
        worker.on('exit', (code) => (code === 0 ? resolve(text) : reject(new Error(`exit code ${code}`))))
      })
    })
    const model = await load()
    const here = await model.generate('Once upon a time', { temperature: 0, maxTokens: 30 }).text()
    expect(await Promise.all(texts)).toEqual([here, here, here])
    await model.close()
  })
})

describe('a file of weights that is cut after its header was read', () => {
  it('is an error that names it, time after time, without a trace in memory', async () => {
    const path = await copyOfBundled('cut')
    const weights = `${path}/model.safetensors`
    const attempt = async () => {
      await copyFile(`${bundledModelPath()}/model.safetensors`, weights)
      // The signal is looked at before the header is read, then between it and the weights.
      const { signal } = new AbortController()
      let looks = 0
      signal.throwIfAborted = () => {
        if (++looks === 2) truncateSync(weights, 10 * megabyte)
      }
      const { message } = await expectCode(() => load(path, { signal }), 'truncated')
      expect(message).toContain(weights)
    }
    const attempts = async (count: number) => {
      for (let i = 0; i < count; i++) await attempt()
    }
    await attempts(5)
    await expectLevelMemory(30, () => attempts(25), 'of 25 attempts with 11 MB each')
  })
})
