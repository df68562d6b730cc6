// A request gives the same bits whatever else runs: alone or in any batch, prompts cut anyhow, any number of threads, preempted or not.
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { GenerateOptions, Model } from '../../lib/index.js'
import { loadModel } from '../../lib/model/load.js'
import type { LoadOptions } from '../../lib/model/load-options.js'
import { eventually } from '../eventually.js'
import { fixturePath } from '../golden.js'
import { Random } from '../random.js'

interface Request {
  prompt: number[]
  options: GenerateOptions
}

/** What a request gave: the tokens, and the logits after them, bit for bit. */
interface Answer {
  tokens: number[]
  lastLogits: Uint32Array
}

const models = { bundled: undefined, 'qwen3-tied': fixturePath('models', 'qwen3-tied') }

function makeRequests(random: Random, vocab: number, count: number, longest: number): Request[] {
  return Array.from({ length: count }, (_, i) => {
    const length = random.chance(0.3) ? random.integer(100, longest) : random.integer(1, 70)
    const prompt = Array.from({ length }, () => random.integer(0, vocab - 1))
    const sampling = {
      temperature: 1.1,
      topK: random.integer(0, 50),
      topP: 0.95,
      seed: random.integer(0, 2 ** 31),
    }
    const options = { maxTokens: random.integer(1, 40), ignoreEos: true }
    return { prompt, options: { ...options, ...(i % 2 === 0 ? { temperature: 0 } : sampling) } }
  })
}

async function answer(model: Model, { prompt, options }: Request): Promise<Answer> {
  const { tokens } = await model.generate({ tokens: prompt }, options).result()
  const { data } = await model.logits([...prompt, ...tokens], { positions: 'last' })
  return { tokens: [...tokens], lastLogits: new Uint32Array(data.buffer) }
}

async function answerAlone(model: Model, requests: readonly Request[]): Promise<Map<Request, Answer>> {
  const answers = new Map<Request, Answer>()
  for (const request of requests) answers.set(request, await answer(model, request))
  return answers
}

function expectSame(got: Answer, want: Answer | undefined, what: string): void {
  expect(got.tokens, what).toEqual(want?.tokens)
  expect(got.lastLogits.length, what).toBe(want?.lastLogits.length)
  const different = got.lastLogits.findIndex((bits, i) => bits !== want?.lastLogits[i])
  expect(different, `${what}: the first logit with other bits`).toBe(-1)
}

/** Whether a request lost its pages: then requests queue again although nothing was submitted. */
async function watchForPreemption(model: Model, isOver: () => boolean): Promise<boolean> {
  let allAdmitted = false
  let preempted = false
  while (!isOver()) {
    const { queued, active } = model.stats()
    allAdmitted ||= queued === 0 && active > 1
    preempted ||= allAdmitted && queued > 0
    await sleep(1)
  }
  return preempted
}

describe.each(Object.entries(models))('%s', (name, path) => {
  describe.each(['exact', 'fast'] as const)('%s', (precision) => {
    const random = new Random(name.length)
    let requests: Request[]
    let alone: Map<Request, Answer>
    let vocab: number
    const open = (options: LoadOptions, stepRows = 512) =>
      loadModel(path, { precision, ...options }, { stepRows })

    beforeAll(async () => {
      const model = await open({ threads: 1 })
      vocab = model.info.config.vocab
      requests = makeRequests(random, vocab, 16, 600)
      alone = await answerAlone(model, requests)
      await model.close()
    })

    const variants: [string, LoadOptions, number][] = [
      ['1 thread, in steps of 512', { threads: 1 }, 512],
      ['2 threads, in steps of 512', { threads: 2 }, 512],
      ['3 threads, in steps of 33', { threads: 3 }, 33],
      ['2 threads, in steps of 7', { threads: 2 }, 7],
      ['5 threads, in steps of 160', { threads: 5 }, 160],
    ]
    // How keys and values are stored is nothing that a cut depends on: in the second precision two variants do.
    it.each(precision === 'exact' ? variants : variants.slice(2, 4))(
      'alone and in random batches: %s',
      async (_, options, stepRows) => {
        const model = await open(options, stepRows)
        for (const request of requests.slice(0, 4)) {
          expectSame(await answer(model, request), alone.get(request), 'alone')
        }
        await Promise.all(
          random.shuffled(requests).map(async (request) => {
            await sleep(random.integer(0, 30))
            expectSame(await answer(model, request), alone.get(request), `prompt of ${request.prompt.length}`)
          }),
        )
        expect(model.stats()).toMatchObject({ active: 0, queued: 0, kvCache: { pagesInUse: 0 } })
        await model.close()
      },
    )

    it('logits of all positions do not depend on how a prompt is cut', async () => {
      const prompt = Array.from({ length: 150 }, () => random.integer(0, vocab - 1))
      const results: Buffer[] = []
      for (const stepRows of [512, 1, 31]) {
        const model = await open({ threads: 2 }, stepRows)
        results.push(Buffer.from((await model.logits(prompt)).data.buffer))
        await model.close()
      }
      for (const result of results) expect(result.equals(results[0] as Buffer)).toBe(true)
    })

    it('with so little memory that requests lose their pages', async () => {
      const growing: Request[] = Array.from({ length: 4 }, (_, i) => ({
        prompt: Array.from({ length: 5 + i }, () => random.integer(0, vocab - 1)),
        options: { maxTokens: 200, ignoreEos: true, temperature: i % 2, seed: i },
      }))
      const roomy = await open({})
      const wanted = await answerAlone(roomy, growing)
      const { bytes, pages } = roomy.stats().kvCache
      await roomy.close()

      // Each needs 14 pages in the end: all four begin, and not more than two can end at a time.
      const tight = await open({ kvCache: { maxBytes: (bytes / pages) * 30 } }, 64)
      let isOver = false
      const watching = watchForPreemption(tight, () => isOver)
      await Promise.all(
        growing.map(async (request) =>
          expectSame(await answer(tight, request), wanted.get(request), 'preempted'),
        ),
      )
      isOver = true
      expect(await watching, 'the test must make requests lose their pages').toBe(true)
      expect(tight.stats().kvCache.pagesInUse).toBe(0)
      await tight.close()
    })
  })
})

describe('64 generations at a time', () => {
  const random = new Random(64)
  let model: Model
  beforeAll(async () => {
    model = await loadModel(
      undefined,
      { precision: 'exact', kvCache: { maxBytes: 4 * 2 ** 20 } },
      { stepRows: 96 },
    )
  })
  afterAll(() => model.close())

  it('each equals its solo run, whoever cancels, leaves or reads slowly', async () => {
    const requests = makeRequests(random, model.info.config.vocab, 64, 200)
    for (const request of requests) request.options.maxTokens = random.integer(1, 60)
    const alone = await answerAlone(model, requests)

    const run = async (request: Request) => {
      const want = alone.get(request)?.tokens ?? []
      const generation = model.generate({ tokens: request.prompt }, request.options)
      const leaveAfter = random.integer(0, want.length - 1)
      const got: number[] = []
      const way = random.integer(0, 4)
      if (way === 0) {
        expect([...(await generation.result()).tokens]).toEqual(want)
        return
      }
      if (way === 1) {
        await sleep(random.integer(0, 400))
        generation.cancel()
        const result = await generation.result()
        expect([...result.tokens]).toEqual(want.slice(0, result.tokens.length))
        if (result.tokens.length < want.length) expect(result.finishReason).toBe('cancelled')
        return
      }
      for await (const event of generation.events()) {
        if (event.type === 'stream-end') break
        got.push(...event.tokens)
        if (way === 2 && got.length > leaveAfter) break
        if (way === 3) await sleep(random.integer(0, 8))
      }
      expect(got).toEqual(way === 2 ? want.slice(0, got.length) : want)
    }
    await Promise.all(random.shuffled(requests).map(run))

    await eventually(() => model.stats().kvCache.pagesInUse === 0, 'the pages are free')
    expect(model.stats()).toMatchObject({ active: 0, queued: 0, kvCache: { pagesInUse: 0 } })
  })
})
