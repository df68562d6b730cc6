// What quern/ai-sdk gives Vercel's AI SDK beside text: vectors, rankings, warnings, errors; and when models are loaded.
import {
  APICallError,
  embed,
  embedMany,
  generateText,
  jsonSchema,
  NoSuchModelError,
  Output,
  rerank,
  UnsupportedFunctionalityError,
} from 'ai'
import { beforeAll, expect, test } from 'vitest'
import { load, type Model, QuernError } from '../../lib/index.js'
import { createQuern, type QuernProvider, quern } from '../../lib/integrations/ai-sdk/index.js'
import { temporaryFolder } from '../model/temporary.js'
import { makeReranker } from '../tasks/reranker.js'
import { inProcess, useInProcess } from './in-process.js'
import { weatherTools } from './sdk-weather.js'
import { weatherQuestion } from './weather.js'

globalThis.AI_SDK_LOG_WARNINGS = false

const folder = temporaryFolder()
useInProcess()
let model: Model
let provider: QuernProvider
beforeAll(() => {
  ;({ model, provider } = inProcess)
})

const question = 'What is the capital of France?'
const settings = { temperature: 0, maxOutputTokens: 40, maxRetries: 0 }
const tools = weatherTools()

test('settings that do not apply are warned of', async () => {
  const strict = { ...tools.get_weather, strict: true }
  const { warnings } = await generateText({
    ...settings,
    prompt: weatherQuestion,
    model: provider('tiny'),
    tools: { get_weather: strict },
  })
  expect(warnings).toEqual([expect.objectContaining({ type: 'unsupported', feature: 'strict tools' })])
})

test('what would change the answer and cannot be done is refused', async () => {
  const call = { ...settings, model: provider('tiny') }
  const schema = jsonSchema({ type: 'object', properties: { city: { type: 'string' } } })
  const refused = [
    generateText({ ...call, prompt: question, output: Output.object({ schema }) }),
    generateText({ ...call, prompt: weatherQuestion, tools, toolChoice: 'required' }),
    generateText({
      ...call,
      messages: [{ role: 'user', content: [{ type: 'image', image: new Uint8Array([137, 80, 78, 71]) }] }],
    }),
  ]
  for (const error of await Promise.all(refused.map((one) => one.catch((reason: unknown) => reason))))
    expect(UnsupportedFunctionalityError.isInstance(error)).toBe(true)
})

test('errors say what is wrong', async () => {
  expect(() => provider('nobody')).toThrow("expected one of 'tiny'")
  const thrown = (call: () => unknown) => {
    try {
      return call()
    } catch (error) {
      return error
    }
  }
  expect(NoSuchModelError.isInstance(thrown(() => provider('nobody')))).toBe(true)
  const hot = generateText({ ...settings, model: provider('tiny'), prompt: question, temperature: -1 })
  await expect(hot).rejects.toBeInstanceOf(QuernError)
  const odd = { quern: { minp: 0.1 } }
  const misspelt = generateText({
    ...settings,
    model: provider('tiny'),
    prompt: question,
    providerOptions: odd,
  })
  await expect(misspelt).rejects.toMatchObject({ code: 'unsupported_option' })
})

test('a full queue is an error that the SDK tries again', async () => {
  const small = await load(undefined, {
    threads: 1,
    maxQueue: 2,
    contextLength: 256,
    kvCache: { maxBytes: 2 ** 20 },
  })
  const call = { ...settings, maxOutputTokens: 200, model: quern(small), prompt: 'Tell me a story.' }
  const providerOptions = { quern: { ignoreEos: true } }
  const outcomes = await Promise.allSettled(
    Array.from({ length: 30 }, () => generateText({ ...call, providerOptions })),
  )
  const reasons = outcomes.flatMap((one) => (one.status === 'rejected' ? [one.reason as unknown] : []))
  expect(reasons.length).toBeGreaterThan(0)
  expect(reasons.length).toBeLessThan(30)
  for (const reason of reasons) {
    expect(APICallError.isInstance(reason)).toBe(true)
    expect(reason).toMatchObject({ isRetryable: true, statusCode: 429, cause: { code: 'overloaded' } })
  }
  await small.close()
})

test('embed and embedMany', async () => {
  const values = ['The sky is blue.', 'Bread is baked.']
  const embedder = provider.embeddingModel('tiny')
  const [first, second] = await model.embed(values)
  const one = await embed({ model: embedder, value: 'The sky is blue.' })
  expect(one.embedding).toEqual(Array.from(first as Float32Array))
  expect(one.usage.tokens).toBe(model.tokenizer.count('The sky is blue.'))
  const both = await embedMany({ model: embedder, values })
  expect(both.embeddings).toEqual([Array.from(first as Float32Array), Array.from(second as Float32Array)])
  const fewer = { quern: { dimensions: 32 } }
  expect(
    (await embed({ model: embedder, value: 'The sky is blue.', providerOptions: fewer })).embedding,
  ).toHaveLength(32)
})

test('rerank', async () => {
  const query = 'Why is the sky blue?'
  const documents = ['Light is scattered.', 'Bread is baked.', 'The sea is deep.']
  const judge = await load(makeReranker(folder.join('reranker')), { threads: 1 })
  const expected = await judge.rank(query, documents)
  const { ranking } = await rerank({ model: quern.rerankingModel(judge), query, documents, topN: 2 })
  expect(ranking).toEqual(
    expected.slice(0, 2).map(({ index, score, document }) => ({ originalIndex: index, score, document })),
  )
  const objects = await rerank({ model: quern.rerankingModel(judge), query, documents: [{ a: 1 }, { b: 2 }] })
  const asText = await judge.rank(query, ['{"a":1}', '{"b":2}'])
  expect(objects.ranking.map(({ score }) => score)).toEqual(asText.map(({ score }) => score))
  await judge.close()
})

test('a model is loaded when it is first used, once, and tried again after a failure', async () => {
  let loads = 0
  const lazy = createQuern({
    models: {
      late: async () => {
        if (loads++ === 0) throw new Error('no such disk')
        return model
      },
    },
  })
  const call = { ...settings, model: lazy('late'), prompt: question }
  expect(loads).toBe(0)
  await expect(generateText(call)).rejects.toThrow('no such disk')
  await Promise.all([generateText(call), generateText(call)])
  expect(loads).toBe(2)
})
