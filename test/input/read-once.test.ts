// Accessors and proxies may answer otherwise each time that they are asked, or do anything meanwhile: every call reads what it is given once.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  ChatTemplate,
  type GenerateInput,
  type GenerateOptions,
  Generation,
  load,
  Model,
  QuernError,
  Session,
  samplingDistribution,
} from '../../lib/index.js'
import { expectCode } from '../model/expect-code.js'

const short = { maxTokens: 4, temperature: 0 }

let model: Model
beforeAll(async () => {
  model = await load(undefined, { contextLength: 256 })
})
afterAll(() => model.close())

const generate = (options: object, from = model) =>
  from.generate('Once upon a time', { ...short, ...options } as GenerateOptions).result()

/** ES2024's, which Node has and the types of ES2022 have not. */
const Resizable = ArrayBuffer as unknown as new (
  bytes: number,
  options: { maxByteLength: number },
) => ArrayBuffer & { resize(bytes: number): void }

/** Each item or member answers once what it is, then something else. */
function once<T extends object>(given: T, later: unknown): T {
  const copy = Array.isArray(given) ? [...given] : { ...given }
  for (const [key, value] of Object.entries(given)) {
    let asked = false
    const get = () => {
      if (asked) return later
      asked = true
      return value
    }
    Object.defineProperty(copy, key, { enumerable: true, configurable: true, get })
  }
  return copy as T
}

describe('what is used is what was checked', () => {
  const options: GenerateOptions = {
    temperature: 0.8,
    topK: 40,
    topP: 0.9,
    minP: 0.01,
    seed: 7,
    maxTokens: 12,
    stopTokens: [5],
    stop: ['zebra'],
    samplers: ['logitBias', 'dry', 'temperature', 'topK', 'topP', 'minP', 'xtc'],
    logitBias: { 3: 1 },
    dry: { multiplier: 0.5, breakers: [[1, 2]] },
    xtc: { probability: 0.1, threshold: 0.2 },
    logprobs: true,
    topLogprobs: 2,
  }
  const nested = ['stopTokens', 'stop', 'samplers', 'logitBias', 'dry', 'xtc'] as const

  it.each([[-7], [Number.NaN], [Symbol('later')], [{}], [undefined]])('then %s', async (later) => {
    const text = await model.generate('Once upon', options).text()
    const members = Object.fromEntries(nested.map((name) => [name, once(options[name] as object, later)]))
    const flipping = once({ ...options, ...members }, later)
    expect(await model.generate('Once upon', flipping).text()).toBe(text)
    const texts = await Promise.all(
      model
        .generateMany('Once upon', once({ n: 2, ...options, ...members, stop: ['zebra'] }, later))
        .map((generation) => generation.text()),
    ).catch((error) => error)
    expect(texts).toBeInstanceOf(QuernError) // the nested ones were asked before
  })

  it('messages too', async () => {
    const messages = [{ role: 'user' as const, content: 'The capital of France is' }]
    const text = await model.chat(messages, short).text()
    const flipping = once([once(messages[0] as object, 5)], null) as typeof messages
    expect(await model.chat(flipping, short).text()).toBe(text)
  })
})

describe('code of the caller within a call', () => {
  it('may close the model', async () => {
    const doomed = await load()
    const samplers = Object.defineProperty(['temperature'], 0, {
      enumerable: true,
      get: () => {
        void doomed.close()
        return 'temperature'
      },
    })
    await expectCode(() => generate({ samplers }, doomed), 'closed')
  })

  it('may take the logits away', () => {
    const buffer = new Resizable(4 * 5000, { maxByteLength: 4 * 8000 })
    const logits = new Float32Array(buffer)
    const shrinking = {
      get temperature(): number {
        buffer.resize(4)
        return 1
      },
    }
    expect(samplingDistribution(logits, shrinking).length).toBe(5000)
    expect(() => samplingDistribution(logits, {}, { prompt: [7] })).toThrow('ids from 0 to 0')
  })

  it('throws what it likes', async () => {
    const mine = new TypeError('mine')
    const fail = () => {
      throw mine
    }
    const throwing = { get: fail, ownKeys: fail }
    for (const options of [
      {
        get topK() {
          return fail()
        },
      },
      { dry: new Proxy({ multiplier: 1 }, throwing) },
      { stop: new Proxy([], throwing) },
    ])
      await expect(model.generate('Once', options as GenerateOptions).result()).rejects.toBe(mine)
    await expect(model.generate(new Proxy([], throwing) as GenerateInput).text()).rejects.toBe(mine)
  })
})

describe('arrays', () => {
  const huge = (target: unknown[] = []) =>
    new Proxy(target, { get: (of, key) => (key === 'length' ? 2 ** 32 - 1 : Reflect.get(of, key)) })
  const revoked = () => {
    const { proxy, revoke } = Proxy.revocable([], {})
    revoke()
    return proxy
  }
  const names = ['stop', 'stopTokens', 'samplers', 'tools', 'logitBias', 'templateVariables'] as const

  it.each(names)('%s with holes, without end, or revoked are refused', async (name) => {
    for (const value of [new Array(3), new Array(2 ** 32 - 1), huge(), revoked()])
      await expectCode(() => model.chat('Hello', { ...short, [name]: value }).text(), 'invalid_option')
  })

  it('of tokens and messages too', async () => {
    for (const value of [new Array(2 ** 32 - 1), huge(), revoked(), { length: 2 ** 32 - 1 }]) {
      const tokens = value as number[]
      await expectCode(() => model.generate({ tokens }).text(), 'invalid_input')
      await expectCode(() => model.generate(value as never).text(), 'invalid_input')
      await expectCode(() => model.logits(tokens), 'invalid_input')
      await expectCode(() => model.tokenizer.decode(tokens), 'invalid_input')
      await expectCode(
        () => samplingDistribution(new Float32Array(2), {}, { prompt: tokens }),
        'invalid_input',
      )
    }
    await expectCode(() => model.generate({ tokens: new Array(3) }).text(), 'invalid_token')
  })

  it('that lost their buffer are empty', async () => {
    const tokens = new Int32Array(8)
    structuredClone(tokens.buffer, { transfer: [tokens.buffer] })
    await expectCode(() => model.generate({ tokens }).text(), 'invalid_input')
    expect(model.tokenizer.decode(tokens)).toBe('')
  })
})

describe('what only looks like it', () => {
  it('is refused', async () => {
    const like = (type: { prototype: object }) => Object.create(type.prototype)
    await expectCode(() => generate({ signal: like(AbortSignal) }), 'invalid_option')
    await expectCode(() => samplingDistribution(like(Float32Array)), 'invalid_input')
    await expectCode(() => model.logits(like(Int32Array)), 'invalid_input')
    const tokenizer = like(model.tokenizer.constructor as never)
    await expectCode(() => samplingDistribution(new Float32Array(2), {}, { tokenizer }), 'invalid_option')
    await expectCode(() => model.tokenizer.decode([Object.create(null)]), 'invalid_token')
    await expectCode(() => model.tokenizer.decode([Symbol('id')] as never), 'invalid_token')
    await expectCode(() => model.tokenizer.decoder().push(Symbol('id') as never), 'invalid_token')
  })

  it('is not made by new: what a model, load() or a session gives is', async () => {
    for (const type of [Generation, Model, Session]) {
      const make = type as unknown as new (...given: unknown[]) => unknown
      for (const given of [undefined, {}, { pages: {}, requests: [] }])
        await expectCode(() => new make(given, {}), 'invalid_input')
    }
    const now = Object.create(Date.prototype)
    await expectCode(() => new ChatTemplate('{{ x }}').render([], { now, x: 1 }), 'invalid_option')
  })

  it('cannot be what a method is called on', async () => {
    const instances = [model, model.tokenizer, model.session(), model.generate('a', short)]
    for (const instance of instances) {
      const prototype = Object.getPrototypeOf(instance)
      for (const key of Reflect.ownKeys(prototype)) {
        const { get, value = get } = Object.getOwnPropertyDescriptor(prototype, key) as PropertyDescriptor
        if (key === 'constructor') continue
        for (const other of [undefined, {}, prototype, Object.create(prototype), ...instances]) {
          if (other === instance) continue
          const { message } = await expectCode(() => value.call(other), 'invalid_input')
          expect(message).toContain(`${String(key)}: expected to be called on a`)
        }
      }
    }
  })
})
