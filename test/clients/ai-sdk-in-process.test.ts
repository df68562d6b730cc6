// Vercel's AI SDK on a model of this process, by quern/ai-sdk.
import { generateText, stepCountIs, streamText } from 'ai'
import { convertReadableStreamToArray } from 'ai/test'
import { beforeAll, beforeEach, expect, test } from 'vitest'
import { load, type Model } from '../../lib/index.js'
import { createQuern, type QuernProvider, quern } from '../../lib/integrations/ai-sdk/index.js'
import { eventually } from '../eventually.js'
import { temporaryFolder } from '../model/temporary.js'
import { makeThinker } from '../thinker.js'
import { inProcess, useInProcess } from './in-process.js'
import { weatherTools } from './sdk-weather.js'
import { weatherAnswer, weatherParameters, weatherQuestion, weatherTool } from './weather.js'

const folder = temporaryFolder()
globalThis.AI_SDK_LOG_WARNINGS = false

useInProcess()
let model: Model
let provider: QuernProvider
beforeAll(() => {
  ;({ model, provider } = inProcess)
})

const question = 'What is the capital of France?'
const settings = { temperature: 0, maxOutputTokens: 40, maxRetries: 0 }
const own = { temperature: 0, maxTokens: 40 }

test('generateText', async () => {
  const { text, finishReason, response } = await generateText({
    ...settings,
    model: provider('tiny'),
    system: 'Be brief.',
    prompt: question,
  })
  const messages = [
    { role: 'system' as const, content: 'Be brief.' },
    { role: 'user' as const, content: question },
  ]
  expect(text).toBe(await model.chat(messages, own).text())
  expect(finishReason).toBe('stop')
  expect(response.modelId).toBe('tiny')
})

test('settings mean what they mean elsewhere', async () => {
  const { text, providerMetadata } = await generateText({
    model: quern(model),
    prompt: question,
    maxOutputTokens: 30,
    temperature: 1.5,
    topP: 0.9,
    topK: 50,
    presencePenalty: 0.5,
    frequencyPenalty: 0.25,
    seed: 7,
    stopSequences: ['\n\n'],
    providerOptions: { quern: { minP: 0.01, repetitionPenalty: 1.1 } },
  })
  const same = model.chat(question, {
    maxTokens: 30,
    temperature: 1.5,
    topP: 0.9,
    topK: 50,
    presencePenalty: 0.5,
    frequencyPenalty: 0.25,
    seed: 7,
    stop: '\n\n',
    minP: 0.01,
    repetitionPenalty: 1.1,
  })
  expect(text).toBe(await same.text())
  expect(providerMetadata?.quern).toMatchObject({ seed: 7 })
})

test('usage', async () => {
  const prompt = `${question} And the capitals of Italy, Japan, Spain, Norway and Chile?`
  const twice = async () => (await generateText({ ...settings, model: provider('tiny'), prompt })).usage
  await twice()
  const { usage } = await model.chat(prompt, own).result()
  expect(await twice()).toMatchObject({
    inputTokens: usage.promptTokens,
    inputTokenDetails: {
      cacheReadTokens: usage.cachedTokens,
      noCacheTokens: usage.promptTokens - usage.cachedTokens,
    },
    outputTokens: usage.completionTokens,
    outputTokenDetails: {
      textTokens: usage.completionTokens - usage.reasoningTokens,
      reasoningTokens: usage.reasoningTokens,
    },
  })
  expect(usage.cachedTokens).toBeGreaterThan(0)
})

test('streamText', async () => {
  const result = streamText({ ...settings, model: provider('tiny'), prompt: question })
  let text = ''
  for await (const piece of result.textStream) text += piece
  expect(text).toBe(await model.chat(question, own).text())
  expect(await result.finishReason).toBe('stop')
  expect((await result.usage).outputTokens).toBeGreaterThan(0)
})

test('fullStream: text lies between its start and its end', async () => {
  const { fullStream } = streamText({
    ...settings,
    model: provider('tiny'),
    prompt: question,
    includeRawChunks: true,
  })
  const types: string[] = []
  for await (const { type } of fullStream) if (type !== types.at(-1)) types.push(type)
  expect(types).toContain('raw')
  const kinds = types.filter((type) => type !== 'raw' && type !== 'text-delta')
  expect(kinds).toEqual(['start', 'start-step', 'text-start', 'text-end', 'finish-step', 'finish'])
})

const asked: unknown[] = []
const tools = weatherTools(asked, JSON.parse(weatherAnswer))
const loop = { ...settings, prompt: weatherQuestion, tools, stopWhen: stepCountIs(3) }
beforeEach(() => {
  asked.length = 0
})

test('tools, in several steps', async () => {
  const { steps, text } = await generateText({ ...loop, model: provider('tiny') })
  expect(asked).toEqual([{ city: 'Paris' }])
  expect(steps.map(({ finishReason }) => finishReason)).toEqual(['tool-calls', 'stop'])
  expect(text).not.toBe('')
})

test('tools, streamed', async () => {
  const { fullStream, text } = streamText({ ...loop, model: provider('tiny') })
  const parts: string[] = []
  for await (const { type } of fullStream) parts.push(type)
  expect(asked).toEqual([{ city: 'Paris' }])
  for (const type of ['tool-input-start', 'tool-input-delta', 'tool-input-end', 'tool-call', 'tool-result'])
    expect(parts).toContain(type)
  expect(parts).not.toContain('error')
  expect(await text).not.toBe('')
})

test('toolChoice none: no tools', async () => {
  const { toolCalls, text } = await generateText({ ...loop, model: provider('tiny'), toolChoice: 'none' })
  expect(toolCalls).toEqual([])
  expect(text).toBe(await model.chat(weatherQuestion, own).text())
})

test('reasoning', async () => {
  const thinker = await load(await makeThinker(folder.join('thinker')), { threads: 1 })
  const { reasoning } = await thinker.chat(question, own).result()
  expect(reasoning).not.toBe('')
  const call = { ...settings, model: quern(thinker), prompt: question }
  const { reasoningText, text, usage } = await generateText(call)
  expect({ reasoningText, text }).toEqual({ reasoningText: reasoning, text: '' })
  expect(usage.outputTokenDetails.reasoningTokens).toBeGreaterThan(0)
  let streamed = ''
  for await (const part of streamText(call).fullStream)
    if (part.type === 'reasoning-delta') streamed += part.text
  expect(streamed).toBe(reasoning)

  const providerOptions = { quern: { templateVariables: { enable_thinking: false } } }
  expect((await generateText({ ...call, providerOptions })).reasoningText).toBeUndefined()
  await thinker.close()
})

test("version 4's reasoning is how much to think", async () => {
  const thinker = await load(await makeThinker(folder.join('thinker-4')), { threads: 1 })
  const writer = createQuern({ specificationVersion: 'v4' })(thinker)
  expect(writer.specificationVersion).toBe('v4')
  const prompt = [{ role: 'user' as const, content: [{ type: 'text' as const, text: question }] }]
  const kinds = async (reasoning: 'none' | 'high') =>
    (await writer.doGenerate({ prompt, temperature: 0, maxOutputTokens: 10, reasoning })).content.map(
      ({ type }) => type,
    )
  expect(await kinds('high')).toEqual(['reasoning'])
  expect(await kinds('none')).toEqual(['text'])
  await thinker.close()

  const { warnings } = await provider('tiny').doGenerate({ prompt, maxOutputTokens: 1, reasoning: 'high' })
  expect(warnings).toEqual([expect.objectContaining({ type: 'unsupported', feature: 'reasoning' })])
})

test('an aborted signal ends the answer', async () => {
  const controller = new AbortController()
  let isAborted = false
  const { fullStream } = streamText({
    ...settings,
    maxOutputTokens: 1500,
    model: provider('tiny'),
    prompt: 'Tell me a story.',
    abortSignal: controller.signal,
    providerOptions: { quern: { ignoreEos: true } }, // nothing else ends it
    onError: () => {},
  })
  for await (const { type } of fullStream) {
    if (type === 'text-delta') controller.abort()
    if (type === 'abort') isAborted = true
  }
  expect(isAborted).toBe(true)
  await eventually(() => model.stats().active === 0, 'the end of the answer')
})

test('an aborted generateText rejects with AbortError', async () => {
  const answer = generateText({
    ...settings,
    model: provider('tiny'),
    prompt: question,
    abortSignal: AbortSignal.abort(),
  })
  await expect(answer).rejects.toMatchObject({ name: 'AbortError' })
})

test('a reader that leaves ends the answer', async () => {
  const endless = { maxOutputTokens: 1500, providerOptions: { quern: { ignoreEos: true } } }
  const prompt = [{ role: 'user' as const, content: [{ type: 'text' as const, text: 'Tell me a story.' }] }]
  const { stream } = await provider('tiny').doStream({ prompt, ...endless })
  const reader = stream.getReader()
  await reader.read()
  await reader.cancel()
  await eventually(() => model.stats().active === 0, 'the end of the answer')
})

test('toUIMessageStreamResponse', async () => {
  const result = streamText({ ...settings, model: provider('tiny'), prompt: question })
  const body = await result.toUIMessageStreamResponse().text()
  expect(body).toContain('"type":"text-delta"')
  expect(body.trimEnd()).toMatch(/data: \[DONE\]$/)
})

test('the parts of the specification, in their order', async () => {
  const prompt = [{ role: 'user' as const, content: [{ type: 'text' as const, text: weatherQuestion }] }]
  const { name, description } = weatherTool.function
  const { stream } = await provider('tiny').doStream({
    prompt,
    temperature: 0,
    maxOutputTokens: 40,
    tools: [{ type: 'function', name, description, inputSchema: weatherParameters }],
  })
  const parts = await convertReadableStreamToArray(stream)
  const calls = parts.filter(({ type }) => type.startsWith('tool') || type === 'finish')
  expect(parts[0]).toEqual({ type: 'stream-start', warnings: [] })
  expect(parts[1]).toMatchObject({ type: 'response-metadata', modelId: 'tiny' })
  expect(calls.map(({ type }) => type)).toEqual([
    'tool-input-start',
    'tool-input-delta',
    'tool-input-end',
    'tool-call',
    'finish',
  ])
  expect(calls[3]).toMatchObject({ toolName: name, input: '{"city": "Paris"}' })
})

test('settings that are none are said', () => {
  const make = (settings: unknown) => () => createQuern(settings as never)
  expect(make({ model: {} })).toThrow(expect.objectContaining({ code: 'unsupported_option' }))
  for (const settings of [null, { specificationVersion: 'v9' }, { models: { a: 'org/name' } }])
    expect(make(settings)).toThrow(expect.objectContaining({ code: 'invalid_option' }))
})
