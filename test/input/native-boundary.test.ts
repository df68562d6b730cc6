// The addon itself with objects that lib/ never hands it: a member may run JavaScript, after which neither the engine nor a buffer need be there.
import { describe, expect, it } from 'vitest'
import { inspect } from '../../lib/index.js'
import { planText } from '../../lib/model/plan.js'
import type { NativeModel, NativeSampling, NativeTask } from '../../lib/native/binding.js'
import { native } from '../../lib/native/load-binding.js'
import { ResizableBuffer } from '../fuzz/hostile-values.js'

const sampling: NativeSampling = {
  temperature: 1,
  topK: 0,
  topP: 1,
  minP: 0,
  typicalP: 1,
  topNSigma: 0,
  repetitionPenalty: 1,
  frequencyPenalty: 0,
  presencePenalty: 0,
  biasedTokens: new Int32Array(),
  biases: new Float32Array(),
  xtc: { probability: 0, threshold: 0 },
  dry: { multiplier: 0, base: 1, allowedLength: 1, penaltyLastN: 0, breakers: [new Int32Array([1])] },
  mirostat: { version: 0, tau: 0, eta: 0, mu: 0 },
  samplers: ['temperature'],
  topLogprobs: -1,
}
const prompt = new Int32Array([1, 2, 3])
const generate: NativeTask = {
  kind: 'generate',
  prompt,
  priority: 0,
  maxTokens: 2,
  sampling,
  seed: 1,
  stopTokens: new Int32Array([5]),
  stop: ['x'],
  keepSpecialTokens: false,
  tokenizer: undefined,
  origin: 0,
  promptLogprobs: -1,
}
const tasks: NativeTask[] = [
  generate,
  { kind: 'score', prompt, priority: 0, first: 1, top: 0, candidates: new Int32Array([1]) },
  { kind: 'embed', prompt, priority: 0 },
  { kind: 'logits', prompt, priority: 0, positions: 'last' },
  { kind: 'pages', tokens: new Int32Array(16), origin: 1, first: 0, count: 0, bytes: undefined },
]

async function open(): Promise<NativeModel> {
  const { plan } = await inspect()
  if (plan === undefined) throw new Error('the bundled model has a plan')
  const options = {
    dtype: 'auto',
    exact: false,
    threads: 1,
    isa: 'auto',
    deviceLibrary: '',
    contextLength: 64,
    kvBytes: 0,
  } as const
  return native().loadModel(planText(plan), { ...options, stepRows: 64, maxQueue: 64, onRows: () => {} })
    .promise
}

/** Every way to have one accessor, at any depth, that does something when it is first asked. */
function* withAccessors<T extends object>(value: T, act: () => void): Generator<T> {
  for (const [key, member] of Object.entries(value)) {
    const forms =
      typeof member === 'object' && member !== null && !ArrayBuffer.isView(member)
        ? [member, ...withAccessors(member, act)]
        : [member]
    for (const [i, form] of forms.entries()) {
      const copy = (Array.isArray(value) ? [...value] : { ...value }) as T
      let isFirst = i === 0
      const get = () => {
        if (isFirst) act()
        isFirst = false
        return form
      }
      Object.defineProperty(copy, key, { enumerable: true, get })
      yield copy
    }
  }
}

describe('a model that is closed while its request is read', () => {
  it.each(tasks)('$kind', async (task) => {
    let model = await open()
    const closing = [...withAccessors(task, () => void model.close())]
    expect(closing.length).toBeGreaterThanOrEqual(Object.keys(task).length)
    for (const one of closing) {
      model = await open()
      expect(() => model.submit(one)).toThrow('closed')
    }
  })

  it('by a number that is none', async () => {
    const closing = (model: NativeModel) => {
      const closeFirst = () => {
        model.close()
        return 1
      }
      return { valueOf: closeFirst } as unknown as number
    }
    for (const call of ['cancel', 'consumed'] as const) {
      const model = await open()
      model[call](closing(model), closing(model))
      expect(() => model.stats()).toThrow('closed')
    }
  })

  it('by no setter that everything inherits: it is not called', async () => {
    const model = await open()
    Object.defineProperty(Object.prototype, 'active', { configurable: true, set: () => void model.close() })
    try {
      expect(model.stats()).toMatchObject({ active: 0, kvBytes: expect.any(Number) })
    } finally {
      delete (Object.prototype as { active?: unknown }).active
    }
    model.close()
  })
})

it('logits that are taken away while the options are read', () => {
  for (const shrink of [0, 4, 64]) {
    let buffer = new ResizableBuffer(1 << 20, { maxByteLength: 1 << 20 })
    for (const given of withAccessors(sampling, () => buffer.resize(shrink))) {
      buffer = new ResizableBuffer(1 << 20, { maxByteLength: 1 << 20 })
      const call = () => native().samplingDistribution(new Float32Array(buffer), given, new Int32Array(), 0)
      if (shrink === 0) expect(call).toThrow('expected a Float32Array')
      else expect(call().length).toBe(shrink / 4)
    }
  }
})

it('numbers that are none', async () => {
  const model = await open()
  for (const wrong of [-7, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 64, '1', null, undefined]) {
    expect(() => model.submit({ ...generate, seed: wrong as number })).toThrow('native options')
    expect(() => model.submit({ ...generate, origin: wrong === -7 ? 2 ** 63 : (wrong as number) })).toThrow(
      'native options',
    )
  }
  model.close()
})

it('methods called on what they are not for', () => {
  const { Tokenizer, TokenDecoder } = native()
  for (const type of [Tokenizer, TokenDecoder]) {
    for (const name of Object.getOwnPropertyNames(type.prototype)) {
      if (name === 'constructor') continue
      const method = (type.prototype as unknown as Record<string, () => unknown>)[name]
      expect(typeof method, name).toBe('function') // Node checks the receivers of methods, not those of accessors
      for (const other of [{}, type.prototype, Object.create(type.prototype)])
        expect(() => method?.call(other), name).toThrow()
    }
  }
})
