// The addon itself with objects that lib/ never hands it: a member may run JavaScript, after which neither the engine nor a buffer need be there.
import { describe, expect, it } from 'vitest'
import { planText } from '../../lib/checkpoint/plan-text.js'
import { inspect } from '../../lib/index.js'
import type { NativeLoadOptions, NativeModel, NativeTask } from '../../lib/native/binding.js'
import { native } from '../../lib/native/load-binding.js'
import type { NativeSampling } from '../../lib/native/sampling.js'
import type { NativeTokenizerDefinition } from '../../lib/native/tokenizer-definition.js'
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
  {
    kind: 'pages',
    tokens: new Int32Array(16),
    positions: 16,
    origin: 1,
    first: 0,
    count: 0,
    bytes: undefined,
  },
]

const loadOptions: NativeLoadOptions = {
  dtype: 'auto',
  exact: false,
  threads: 1,
  isa: 'auto',
  deviceLibrary: '',
  deviceIndex: 0,
  contextLength: 64,
  sinks: 0,
  window: 0,
  kvBytes: 0,
  stepRows: 64,
  maxQueue: 64,
  onProgress: () => {},
  onRows: () => {},
}

async function bundledPlan(): Promise<string> {
  const { plan } = await inspect()
  if (plan === undefined) throw new Error('the bundled model has a plan')
  return planText(plan)
}

async function open(): Promise<NativeModel> {
  return native().loadModel(await bundledPlan(), loadOptions).promise
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
    expect(() => model.submit({ ...generate, seed: wrong as number })).toThrow(
      'NativeGenerate.seed: expected',
    )
    expect(() => model.submit({ ...generate, origin: wrong === -7 ? 2 ** 63 : (wrong as number) })).toThrow(
      'NativeGenerate.origin: expected',
    )
  }
  model.close()
})

const definition: NativeTokenizerDefinition = {
  tokenBytes: new TextEncoder().encode('ab'),
  tokenOffsets: new Uint32Array([0, 1, 2]),
  tokenKinds: new Uint8Array([1, 1]),
  merges: new Int32Array(),
  addedTokens: [
    {
      id: 1,
      content: 'b',
      special: false,
      lstrip: false,
      rstrip: false,
      singleWord: false,
      normalized: false,
    },
  ],
  pretokenizer: [{ kind: 'digits', maxDigits: 1 }],
  normalizer: [{ kind: 'replace', pattern: ' ', content: 'b' }],
  metaspace: undefined,
  characters: { byteIds: new Int32Array(), unknown: -1, fusesUnknown: false },
  decoder: {
    replacements: [{ pattern: 'b', content: ' ' }],
    stripped: ' ',
    stripCount: 1,
    firstLoses: '',
  },
  ignoreMerges: false,
  prefix: new Int32Array(),
  suffix: new Int32Array(),
}

/** Every way to lack one member, at any depth, or to have it of another type; those that may be undefined are not lacked. */
function* withoutMembers<T extends object>(value: T): Generator<[member: string, copy: T]> {
  for (const [key, member] of Object.entries(value)) {
    const isList = Array.isArray(value)
    const other = typeof member === 'symbol' ? 1 : Symbol('of no type that is asked for')
    for (const wrong of mayLack.includes(key) ? [other] : [undefined, null, other]) {
      const copy = (isList ? [...value] : { ...value }) as T
      if (wrong === undefined && !isList) delete copy[key as keyof T]
      else copy[key as keyof T] = wrong as never
      yield [key, copy]
    }
    if (typeof member !== 'object' || member === null || ArrayBuffer.isView(member)) continue
    for (const [inner, form] of withoutMembers(member))
      yield [inner, (isList ? [form] : { ...value, [key]: form }) as T]
  }
}
const mayLack = ['onProgress', 'tokenizer', 'bytes', 'metaspace', 'characters']

describe('a member that is missing or of another type is an error, not a default', () => {
  /** Calls with each object, and gives the members that were wrong. */
  function refused<T extends object>(value: T, call: (wrong: T) => unknown): Set<string> {
    const members = new Set<string>()
    for (const [member, wrong] of withoutMembers(value)) {
      const act = () => call(wrong)
      expect(act, member).toThrow(expect.objectContaining({ code: 'internal' }))
      members.add(member)
    }
    return members
  }

  it.each(tasks)('$kind', async (task) => {
    const model = await open()
    const members = refused(task, (wrong) => model.submit(wrong))
    expect([...members]).toEqual(expect.arrayContaining(Object.keys(task)))
    model.close()
  })

  it('of what is loaded with', async () => {
    const plan = await bundledPlan()
    const members = refused(loadOptions, (wrong) => native().loadModel(plan, wrong))
    expect([...members]).toEqual(Object.keys(loadOptions))
  })

  it('of a tokenizer', () => {
    const { Tokenizer } = native()
    expect(new Tokenizer(definition).size()).toBe(2)
    const marked: NativeTokenizerDefinition = {
      ...definition,
      pretokenizer: [],
      metaspace: { mark: 'b', prepend: 'first', split: false },
    }
    expect(new Tokenizer(marked).size()).toBe(2)
    const members = [definition, marked].flatMap((whole) => [
      ...refused(whole, (wrong) => new Tokenizer(wrong)),
    ])
    expect(members).toEqual(
      expect.arrayContaining([
        ...Object.keys(definition),
        'singleWord',
        'maxDigits',
        'byteIds',
        'pattern',
        'firstLoses',
        'mark',
        'prepend',
      ]),
    )
  })

  it('nor is a name that nobody knows', async () => {
    const model = await open()
    const internal = expect.objectContaining({ code: 'internal' })
    for (const wrong of [
      { ...generate, kind: 'other' },
      { ...generate, sampling: { ...sampling, samplers: ['temperatur'] } },
      { kind: 'logits', prompt, priority: 0, positions: 'first' },
    ])
      expect(() => model.submit(wrong as NativeTask)).toThrow(internal)
    model.close()
    const plan = await bundledPlan()
    for (const dtype of ['', 'f8', 'BF16'])
      expect(() => native().loadModel(plan, { ...loadOptions, dtype: dtype as 'f32' })).toThrow(internal)
    const pretokenizer = [{ kind: 'gpt3' as 'gpt2', maxDigits: 1 }]
    expect(() => new (native().Tokenizer)({ ...definition, pretokenizer })).toThrow(internal)
  })
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
