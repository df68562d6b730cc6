// Every public call with values that an enemy wrote. `npm run fuzz` gives it more rounds.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  ChatTemplate,
  doctor,
  inspect,
  load,
  type Model,
  pull,
  QuernError,
  samplingDistribution,
  Tokenizer,
  ToolCallParser,
} from '../../lib/index.js'
import { samplers } from '../../lib/native/constants.js'
import { Random } from '../random.js'
import { type Attack, CallersError, hostile, ResizableBuffer } from './hostile-values.js'

const rounds = Number(process.env.QUERN_FUZZ ?? 1)
const template = new ChatTemplate('{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}{{ x }}')

let model: Model
const open = () => load(undefined, { contextLength: 64 })
beforeAll(async () => {
  model = await open()
})
afterAll(() => model.close())

/** Options in which everything is there, so that everything can be attacked. */
const sampling = {
  temperature: 0.9,
  topK: 30,
  topP: 0.95,
  minP: 0.01,
  typicalP: 0.99,
  topNSigma: 3,
  repetitionPenalty: 1.1,
  frequencyPenalty: 0.1,
  presencePenalty: 0.1,
  logitBias: { 3: 1, 7: -100 },
  dry: { multiplier: 0.8, base: 1.5, allowedLength: 3, penaltyLastN: 40, breakers: [[5], [6, 7]] },
  xtc: { probability: 0.2, threshold: 0.1 },
}
const options = {
  ...sampling,
  maxTokens: 3,
  seed: 11,
  stopTokens: [9, 10],
  stop: ['zebra', 'cello'],
  ignoreEos: true,
  logprobs: true,
  topLogprobs: 2,
}
// mirostat takes the place of others
const steps = samplers.filter((name) => name !== 'mirostat')
const messages = [
  { role: 'system', content: 'Be terse.' },
  { role: 'user', content: [{ type: 'text', text: 'Hello' }] },
  {
    role: 'assistant',
    content: '',
    tool_calls: [{ function: { name: 'now', arguments: { zone: ['utc'] } } }],
  },
  { role: 'tool', content: '12:00' },
]
const tools = [
  {
    name: 'now',
    description: 'The time',
    parameters: { type: 'object', properties: { zone: { type: 'string' } } },
  },
]
const byteLevel = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true }
const tokenizerJson = {
  added_tokens: [{ id: 9, content: '<end>', special: true }],
  pre_tokenizer: byteLevel,
  decoder: byteLevel,
  model: { type: 'BPE', vocab: { a: 0, b: 1, c: 2, ab: 3, abc: 4 }, merges: ['a b', ['ab', 'c']] },
}
const missing = 'no/such/folder/at/all'

// biome-ignore lint/suspicious/noExplicitAny: what types would refuse is what this is about
type Call = (...values: any[]) => unknown

/** Each call with what it is given when nobody attacks. */
const calls: Record<string, { values: unknown[]; call: Call }> = {
  generate: {
    values: ['Once upon', { ...options, samplers: steps }],
    call: (input, given) => model.generate(input, given).result(),
  },
  'generate tokens': {
    values: [{ tokens: [1, 2, 3] }, options],
    call: (input, given) => model.generate(input, given).result(),
  },
  chat: {
    values: [messages, { maxTokens: 2, seed: 1, templateVariables: { x: [1, { y: 2 }] } }],
    call: (said, given) => model.chat(said, given).result(),
  },
  'chat with tools': {
    values: [messages, { maxTokens: 2, tools }],
    call: (said, given) => model.chat(said, given).result(),
  },
  generateMany: {
    values: ['Once', { n: 2, maxTokens: 2, seed: 5, stop: ['a'], dry: sampling.dry }],
    call: (input, given) => Promise.all(model.generateMany(input, given).map((one) => one.result())),
  },
  session: {
    values: [
      { system: 'Be terse.', messages: messages.slice(0, 2), maxTokens: 2, stopTokens: [1] },
      'Hi',
      { temperature: 0, stop: ['x'] },
    ],
    call: async (given, said, more) => {
      const session = model.session(given)
      const { text } = await session.chat(said, more).result()
      return [text, session.messages]
    },
  },
  'session.edit': {
    values: [messages.slice(0, 2), 0, messages[0]],
    call: (given, index, message) => {
      const session = model.session({ messages: given })
      session.edit(index, message)
      return session.messages
    },
  },
  logits: {
    values: [[1, 2, 3], { positions: 'last' }],
    call: async (tokens, given) => (await model.logits(tokens, given)).shape,
  },
  embed: {
    values: [['Once', { tokens: [1, 2] }, 'upon'], { dimensions: 8, priority: 1 }],
    call: (texts, given) => model.embed(texts, given),
  },
  'embed with an instruction': {
    values: [['Once', 'upon'], { instruction: 'Find it' }],
    call: (texts, given) => model.embed(texts, given),
  },
  score: {
    values: [{ tokens: [1, 2, 3] }, [{ tokens: [4] }, { tokens: [5, 6] }], { topLogprobs: 2 }],
    call: (prompt, continuations, given) => model.score(prompt, continuations, given),
  },
  perplexity: {
    values: [{ tokens: [1, 2, 3, 4, 5, 6] }, { window: 4, stride: 2, priority: 1 }],
    call: (text, given) => model.perplexity(text, given),
  },
  rank: {
    values: ['query', ['one', 'two'], { topN: 1, instruction: 'Find it' }],
    call: (query, documents, given) => model.rank(query, documents, given),
  },
  samplingDistribution: {
    values: [
      { ...sampling, samplers: steps },
      { prompt: [1, 2], generated: [3, 3] },
    ],
    call: (given, context) => samplingDistribution(new Float32Array(16), given, context),
  },
  encode: {
    values: ['Hello', { addSpecialTokens: false }],
    call: (text, given) => model.tokenizer.encode(text, given),
  },
  decode: {
    values: [[1, 2, 3], { skipSpecialTokens: true, goesOn: true }],
    call: (ids, given) => model.tokenizer.decode(ids, given),
  },
  render: {
    values: [messages, { x: { y: [1] }, addGenerationPrompt: true, tools }],
    call: (said, given) => template.render(said, given),
  },
  ChatTemplate: {
    values: ['{{ bos_token }}', { bos_token: '<s>' }],
    call: (text, tokens) => new ChatTemplate(text, tokens).render([]),
  },
  'Tokenizer.fromJSON': {
    values: [tokenizerJson, { eos_token: '<end>' }],
    call: (json, config) => [...Tokenizer.fromJSON(json, config).encode('abcab a<end>b')],
  },
  ToolCallParser: {
    values: ['llama3-json', { toolNames: ['now', 'then'] }],
    call: (format, given) => {
      const parser = new ToolCallParser(format, given)
      return [parser.push('{"name": "now", "parameters": {}}'), parser.end().content]
    },
  },
  load: {
    values: [
      missing,
      {
        contextLength: 64,
        threads: 1,
        kvCache: { maxBytes: 1e6 },
        attentionSinks: { sinks: 4, window: 60 },
        isa: 'auto',
      },
    ],
    call: (source, given) => load(source, given),
  },
  inspect: {
    values: [missing, { revision: 'main', cacheDir: '/none' }],
    call: (source, given) => inspect(source, given),
  },
  pull: { values: ['no id', { revision: 'main', cacheDir: '/none' }], call: (id, given) => pull(id, given) },
  doctor: {
    values: [{ measure: false, threads: 1, isa: 'auto' }],
    call: async (given) => (await doctor(given)).isas,
  },
  loadSession: {
    values: [`${missing}.session`, { maxTokens: 3, stop: ['a'] }],
    call: (path, given) => model.loadSession(path, given),
  },
}

/** What came of a call, as far as it must be the same for the same values. */
async function outcome(call: Call, values: unknown[]): Promise<unknown> {
  try {
    const result = await call(...values)
    return JSON.stringify(result, (key, value) => {
      if (key === 'timings' || key === 'cachedTokens' || key === 'id') return undefined
      return ArrayBuffer.isView(value) ? [...(value as Float32Array)] : value
    })
  } catch (error) {
    if (error instanceof CallersError) return 'the error of the caller'
    expect(error).toBeInstanceOf(QuernError)
    return (error as QuernError).code
  }
}

describe.each(Object.entries(calls))('%s', (_, { values, call }) => {
  const attacked = (random: Random, attack: Attack) => {
    const pairs = values.map((value) => hostile(random, value, attack))
    return { given: pairs.map((pair) => pair.hostile), once: pairs.map((pair) => pair.once) }
  }

  it('uses what it read, and reads it once', async () => {
    for (let seed = 1; seed <= 12 * rounds; seed++) {
      const { given, once } = attacked(new Random(seed), { rate: seed % 5 === 0 ? 1 : 0.2 })
      const made = await outcome(call, given)
      expect(made, `seed ${seed}`).toBe(await outcome(call, once))
    }
  })

  it('survives what happens meanwhile', async () => {
    for (let seed = 1; seed <= 12 * rounds; seed++) {
      const random = new Random(seed)
      const acts = [
        () => void model.close(),
        () => void model.generate('again', { maxTokens: 1 }),
        () => {
          throw new CallersError()
        },
      ]
      const act = () => acts[random.integer(0, acts.length - 1)]?.()
      const { given } = attacked(random, { rate: 0.3, act })
      await outcome(call, given)
      if ((await outcome(() => model.stats(), [])) === 'closed') model = await open()
    }
  })
})

describe('buffers that go while a call runs', () => {
  const numbers = [Int32Array, Uint16Array, Float32Array, Float64Array]
  it.each(['detached', 'shrunk', 'grown', 'shared'])('%s', async (what) => {
    for (let seed = 1; seed <= 15 * rounds; seed++) {
      const random = new Random(seed)
      const Numbers = numbers[seed % numbers.length] as typeof Int32Array
      const size = 8 * 20
      const Shared = SharedArrayBuffer as unknown as typeof ResizableBuffer
      const buffer = new (what === 'shared' ? Shared : ResizableBuffer)(size, { maxByteLength: 4 * size })
      const array = new Numbers(buffer).fill(3)
      const logits = new Float32Array(buffer)
      const act = () => {
        if (what === 'detached') structuredClone(buffer, { transfer: [buffer] })
        else if (what === 'shared') array.fill(2 ** 31 - 1)
        else buffer.resize(what === 'grown' ? 4 * size : random.integer(0, 3))
      }
      let left = random.integer(0, 6)
      const get = (of: object, key: PropertyKey) => {
        if (left-- === 0) act()
        return Reflect.get(of, key)
      }
      const given = new Proxy({ ...sampling, maxTokens: 2 }, { get })
      const watching = new Proxy({ ...sampling }, { get })
      const tokens = {
        get tokens() {
          return array
        },
      }
      await outcome(() => model.generate(random.chance(0.5) ? tokens : { tokens: array }, given).result(), [])
      await outcome(() => samplingDistribution(logits, watching, { prompt: array }), [])
      await outcome(() => model.logits(array, watching as never), [])
      await outcome(() => model.embed([{ tokens: array }, tokens], watching as never), [])
      await outcome(() => model.score({ tokens: array }, [{ tokens: array }, tokens]), [])
      await outcome(() => model.tokenizer.decode(array, watching as never), [])
    }
  })
})
