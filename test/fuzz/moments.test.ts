// Whatever a caller does at whatever moment, every promise settles, no error is a surprise, and each token was in one event.
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type GenerateOptions, type Generation, load, type Model, QuernError } from '../../lib/index.js'
import { eventually } from '../eventually.js'
import { Random } from '../random.js'

const rounds = Number(process.env.QUERN_FUZZ ?? 1)
const line = 'Once upon a time there was a little girl. '
/** The longest are encoded on another thread, and do not fit. */
const inputs = ['Once', line.repeat(60), line.repeat(3000)]

let model: Model
beforeAll(async () => {
  model = await load(undefined, { kvCache: { maxBytes: 12_000_000 } })
})
afterAll(() => model.close())

/** Reads events until an act of the caller's, if any; gives the tokens that were in them. */
async function readTokens(generation: Generation, leaveAfter: number): Promise<number[]> {
  const tokens: number[] = []
  for await (const event of generation.events()) {
    if ('tokens' in event) tokens.push(...event.tokens)
    if (leaveAfter-- === 0) break
  }
  return tokens
}

it('aborted, cancelled or left at any moment', async () => {
  for (let seed = 1; seed <= 60 * rounds; seed++) {
    const random = new Random(seed)
    const controller = new AbortController()
    const reason = new Error('mine')
    const options: GenerateOptions = {
      maxTokens: random.integer(1, 60),
      ignoreEos: true,
      seed,
      signal: controller.signal,
      keepOnAbort: random.chance(0.5),
      logprobs: random.chance(0.3),
    }
    const input = inputs[random.integer(0, inputs.length - 1)] as string
    if (random.chance(0.1)) controller.abort(reason)
    const generation = random.chance(0.5) ? model.chat(input, options) : model.generate(input, options)
    const isLeft = random.chance(0.3)
    const leaveAfter = isLeft ? random.integer(0, 20) : Number.POSITIVE_INFINITY
    const reading = readTokens(generation, leaveAfter).catch((error) => error)
    const act = random.chance(0.5) ? () => controller.abort(reason) : () => generation.cancel()
    const acting = sleep(random.integer(0, 30)).then(act)
    const result = await generation.result().catch((error) => error)
    const read = await reading
    if (result instanceof Error) {
      expect(result === reason || result instanceof QuernError, `seed ${seed}: ${result}`).toBe(true)
      expect(result !== reason || !options.keepOnAbort, `seed ${seed}`).toBe(true)
    } else {
      const given = [...result.tokens]
      expect(read, `seed ${seed}`).toEqual(isLeft ? given.slice(0, read.length) : given)
    }
    await acting
  }
  const goesOn = () => {
    const { active, queued } = model.stats()
    return active + queued > 0
  }
  await eventually(() => !goesOn(), 'nothing goes on')
})
