// On a real model's shape: cancelling is prompt, and neither side keeps the other from working.
import { type ChildProcess, spawn } from 'node:child_process'
import { pbkdf2 } from 'node:crypto'
import { cpus } from 'node:os'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { Worker } from 'node:worker_threads'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { load, type Model } from '../../lib/index.js'
import { eventually } from '../eventually.js'
import { slowdown } from '../patience.js'
import { expectPrompt } from '../promptly.js'
import { Random } from '../random.js'

const source = 'random:qwen3-0.6b'
const options = { temperature: 0, maxTokens: 2000, ignoreEos: true }
const random = new Random(6)
const prompt = (length: number) => ({ tokens: Int32Array.from({ length }, () => random.integer(0, 150_000)) })

let model: Model
beforeAll(async () => {
  model = await load(source)
  expect(model.info).toMatchObject({ dtype: 'bf16', precision: 'fast' })
  await model.generate(prompt(64), { ...options, maxTokens: 4 }).result()
})
afterAll(() => model.close())

const isIdle = () => {
  const { active, queued, kvCache } = model.stats()
  return active + queued + kvCache.pagesInUse === 0
}

describe('cancelling takes effect within 50 ms', () => {
  const bound = 50

  it.each([10, 150, 700, 1500])('%i ms into a prefill of 4,096 tokens', async (delay) => {
    await expectPrompt(bound, async () => {
      const generation = model.generate(prompt(4096), options)
      await sleep(delay)
      expect(isIdle()).toBe(false)
      generation.cancel()
      const milliseconds = await eventually(isIdle, 'the engine is idle')
      const { finishReason, tokens } = await generation.result()
      expect({ finishReason, tokens: tokens.length }).toEqual({ finishReason: 'cancelled', tokens: 0 })
      return milliseconds
    })
  })

  it('while decoding eight at a time', async () => {
    await expectPrompt(bound, async () => {
      const generations = Array.from({ length: 8 }, () => model.generate(prompt(16), options))
      await Promise.all(generations.map((generation) => generation.events().next()))
      for (const generation of generations) generation.cancel()
      return eventually(isIdle, 'the engine is idle')
    })
  })

  it('in a prefill beside one that goes on, which loses nothing', async () => {
    const kept = prompt(8)
    const alone = await model.generate(kept, { ...options, maxTokens: 12 }).result()
    const generation = model.generate(prompt(4096), options)
    const beside = model.generate(kept, { ...options, maxTokens: 12 }).result()
    await sleep(400)
    generation.cancel()
    expect((await beside).tokens).toEqual(alone.tokens)
    await eventually(isIdle, 'the engine is idle')
  })
})

describe('stats()', () => {
  it('counts a request as active while its first step runs', async () => {
    const isActive = () => {
      const { active, queued } = model.stats()
      return active === 1 && queued === 0
    }
    // A step of 4,096 tokens takes much longer.
    await expectPrompt(30, async () => {
      const generation = model.generate(prompt(4096), options)
      const milliseconds = await eventually(isActive, 'the request is active')
      generation.cancel()
      await eventually(isIdle, 'the engine is idle')
      return milliseconds
    })
  })
})

/** Starts a measurement; its result says how many cores' worth of work other processes did meanwhile. */
function coresOfOthers(): () => number {
  const busyMs = () =>
    cpus().reduce((sum, { times: { user, nice, sys, irq } }) => sum + user + nice + sys + irq, 0)
  const ownMs = () => (process.cpuUsage().user + process.cpuUsage().system) / 1e3
  const start = performance.now()
  const before = busyMs() - ownMs()
  return () => (busyMs() - ownMs() - before) / (performance.now() - start)
}

/** Waits, but not for long, until other processes leave the machine alone. */
async function quietMachine(): Promise<void> {
  for (let waits = 0; waits < 15; waits++) {
    const others = coresOfOthers()
    await sleep(150)
    if (others() < 0.15) return
  }
}

/** The delays of the event loop while something happens, their 99th percentile, in milliseconds. */
async function loopDelayDuring(something: () => Promise<unknown>): Promise<number> {
  const delays = monitorEventLoopDelay({ resolution: 1 })
  delays.enable()
  await something()
  delays.disable()
  return delays.percentile(99) / 1e6
}

/** The same beside as many threads as the engine has that only burn: what the machine gives to any process that computes. */
async function loopDelayBesideBurners(): Promise<number> {
  const burners = Array.from({ length: model.info.threads }, () => new Worker('for (;;);', { eval: true }))
  await sleep(200)
  const delay = await loopDelayDuring(() => sleep(1000))
  await Promise.all(burners.map((burner) => burner.terminate()))
  return delay
}

describe('the event loop', () => {
  it('is delayed by less than 12 ms (p99) while eight streams are read', async () => {
    const read = async () => {
      let tokens = 0
      for await (const event of model.generate(prompt(16), { ...options, maxTokens: 24 }).events())
        if (event.type !== 'stream-end') tokens += event.tokens.length
      expect(tokens).toBe(24)
    }
    const seen: { delay: number; bound: number }[] = []
    // A few times at most: what else the machine does may spoil one measurement.
    while (seen.length < 8 && !seen.some(({ delay, bound }) => delay < bound)) {
      await quietMachine()
      const delay = await loopDelayDuring(() => Promise.all(Array.from({ length: 8 }, read)))
      seen.push({ delay, bound: delay < 12 ? 12 : Math.max(12, 1.5 * (await loopDelayBesideBurners())) })
    }
    expect(
      seen.some(({ delay, bound }) => delay < bound),
      `milliseconds: ${JSON.stringify(seen)}`,
    ).toBe(true)
  })
})

describe("libuv's pool", () => {
  it('may be busy: tokens flow all the same', async () => {
    let isOver = false
    let hashes = 0
    const hash = promisify(pbkdf2)
    const burn = async () => {
      for (; !isOver; hashes++) await hash('password', 'salt', 50_000, 64, 'sha512')
    }
    const burning = Array.from({ length: 4 }, burn) // the pool's size
    await sleep(50)
    const before = hashes
    const { tokens } = await model.generate(prompt(16), { ...options, maxTokens: 16 }).result()
    const during = hashes - before
    isOver = true
    await Promise.all(burning)
    expect(tokens.length).toBe(16)
    expect(during, 'hashes while tokens came').toBeGreaterThan(3)
  })
})

describe('another process that burns one core', () => {
  it('leaves decoding at least 80 % of the speed of one thread', async () => {
    const bound = 0.8
    const single = await load(source, { threads: 1 })
    const speed = async (of: Model) => {
      const { timings } = await of.generate(prompt(8), { ...options, maxTokens: 11 }).result()
      return timings.decodeTokensPerSecond
    }
    const pair = async () => {
      await quietMachine()
      const others = coresOfOthers()
      const quiet = await speed(single)
      const isClean = others() < 0.15
      const burner = await startBurner()
      const busy = await speed(model)
      burner.kill('SIGKILL')
      return { ratio: busy / quiet, isClean }
    }
    await speed(single)
    const all: number[] = []
    const clean: number[] = []
    const began = performance.now()
    const median = () => [...clean].sort((a, b) => a - b)[clean.length >> 1] as number
    // What disturbs the second half of a pair is not seen: so three that are clean may be too slow, and more are asked for.
    const isJudged = () => clean.length >= 3 && median() >= bound
    while (!isJudged() && all.length < 12 && performance.now() - began < 60_000) {
      const { ratio, isClean } = await pair()
      all.push(ratio)
      if (isClean) clean.push(ratio)
    }
    await single.close()
    // The median of pairs that nobody disturbed. A third process takes half of our last core, which says nothing about us: where there
    // is one all the time, the best pair has to do, and is held to what the machine gives.
    const [result, least] = clean.length >= 3 ? [median(), bound] : [Math.max(...all), bound / slowdown()]
    expect(result, `undisturbed: ${clean}; all: ${all}`).toBeGreaterThanOrEqual(least)
  })

  async function startBurner(): Promise<ChildProcess> {
    const burner = spawn(process.execPath, ['--eval', "process.stdout.write('go'); for (;;);"])
    await new Promise((resolve) => burner.stdout.once('data', resolve))
    return burner
  }
})
