// Vercel's AI SDK with its provider for servers that speak as OpenAI's does.
import { createOpenAICompatible } from '@ai-sdk/openai-compatible'
import { APICallError, generateText, stepCountIs, streamText } from 'ai'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { eventually } from '../eventually.js'
import { weatherTools } from './sdk-weather.js'
import { type Served, serveTiny } from './served.js'
import { weatherQuestion } from './weather.js'

let served: Served
let provider: ReturnType<typeof createOpenAICompatible>

beforeAll(async () => {
  served = await serveTiny()
  provider = createOpenAICompatible({ name: 'quern', baseURL: served.baseURL, includeUsage: true })
})
afterAll(() => served.close())

const question = 'What is the capital of France?'
const settings = { temperature: 0, maxOutputTokens: 40, maxRetries: 0 }

test('generateText', async () => {
  const { text, usage, finishReason } = await generateText({
    ...settings,
    model: provider('tiny'),
    prompt: question,
  })
  const own = await served.model.chat(question, { temperature: 0, maxTokens: 40 }).result()
  expect(text).toBe(own.text)
  expect(finishReason).toBe('stop')
  expect(usage).toMatchObject({
    inputTokens: own.usage.promptTokens,
    outputTokens: own.usage.completionTokens,
    outputTokenDetails: { reasoningTokens: 0 },
  })
})

test('streamText', async () => {
  const result = streamText({ ...settings, model: provider('tiny'), prompt: question })
  let text = ''
  for await (const piece of result.textStream) text += piece
  expect(text).toBe(await served.model.chat(question, { temperature: 0, maxTokens: 40 }).text())
  expect(await result.finishReason).toBe('stop')
  expect((await result.usage).outputTokens).toBeGreaterThan(0)
})

test('completions', async () => {
  const { text } = await generateText({
    ...settings,
    model: provider.completionModel('tiny'),
    prompt: 'Once upon a time',
  })
  expect(text).not.toBe('')
})

const asked: unknown[] = []
const tools = weatherTools(asked)

test('tools, in a loop', async () => {
  const { steps, text } = await generateText({
    ...settings,
    model: provider('tiny'),
    prompt: weatherQuestion,
    tools,
    stopWhen: stepCountIs(3),
  })
  expect(asked.splice(0)).toEqual([{ city: 'Paris' }])
  expect(steps.map(({ finishReason }) => finishReason)).toEqual(['tool-calls', 'stop'])
  expect(text).not.toBe('')
})

test('tools, streamed', async () => {
  const { fullStream, text } = streamText({
    ...settings,
    model: provider('tiny'),
    prompt: weatherQuestion,
    tools,
    stopWhen: stepCountIs(3),
  })
  const parts: string[] = []
  for await (const { type } of fullStream) parts.push(type)
  expect(asked.splice(0)).toEqual([{ city: 'Paris' }])
  for (const type of ['tool-input-start', 'tool-input-delta', 'tool-call', 'tool-result', 'text-delta'])
    expect(parts).toContain(type)
  expect(parts).not.toContain('error')
  expect(await text).not.toBe('')
})

test('an aborted signal ends the answer', async () => {
  const controller = new AbortController()
  const { textStream } = streamText({
    ...settings,
    maxOutputTokens: 1500,
    model: provider.completionModel('tiny'),
    prompt: 'Once upon a time',
    abortSignal: controller.signal,
    providerOptions: { quern: { logitBias: { '5111': -100, '5113': -100 } } }, // nothing else ends it
    onError: () => {},
  })
  for await (const _ of textStream) controller.abort()
  await eventually(() => served.model.stats().active === 0, 'the end of the answer')
})

test('an error says what is wrong', async () => {
  const answer = generateText({ ...settings, model: provider('nobody'), prompt: question })
  await expect(answer).rejects.toBeInstanceOf(APICallError)
  await expect(answer).rejects.toMatchObject({
    statusCode: 404,
    message: expect.stringContaining("no model 'nobody'"),
  })
})
