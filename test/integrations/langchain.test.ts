// LangChain's classes on a model of this process, by quern/langchain.
import { AIMessageChunk, HumanMessage, SystemMessage, ToolMessage } from '@langchain/core/messages'
import { tool } from '@langchain/core/tools'
import { concat } from '@langchain/core/utils/stream'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { load, type Model } from '../../lib/index.js'
import { ChatQuern, QuernEmbeddings, QuernLLM } from '../../lib/integrations/langchain/index.js'
import { weatherAnswer, weatherParameters, weatherQuestion, weatherTool } from '../clients/weather.js'
import { eventually } from '../eventually.js'

let model: Model
let chat: ChatQuern

beforeAll(async () => {
  model = await load(undefined, { threads: 1 })
  chat = new ChatQuern({ model, ...own })
})
afterAll(() => model.close())

const question = 'What is the capital of France?'
const own = { temperature: 0, maxTokens: 40 }

test('invoke', async () => {
  const answer = await chat.invoke([new SystemMessage('Be brief.'), new HumanMessage(question)])
  const messages = [
    { role: 'system' as const, content: 'Be brief.' },
    { role: 'user' as const, content: question },
  ]
  const { text, usage } = await model.chat(messages, own).result()
  expect(answer).toBeInstanceOf(AIMessageChunk)
  expect(answer.content).toBe(text)
  expect(answer.response_metadata).toMatchObject({ finish_reason: 'stop' })
  expect(answer.usage_metadata).toMatchObject({
    input_tokens: usage.promptTokens,
    output_tokens: usage.completionTokens,
  })
})

test('stream, whose chunks joined are the answer', async () => {
  let joined: AIMessageChunk | undefined
  let chunks = 0
  for await (const chunk of await chat.stream(question)) {
    joined = joined ? concat(joined, chunk) : chunk
    chunks++
  }
  const { text, usage } = await model.chat(question, own).result()
  expect(chunks).toBeGreaterThan(2)
  expect(joined?.content).toBe(text)
  expect(joined?.usage_metadata).toMatchObject({ output_tokens: usage.completionTokens })
})

test('batch', async () => {
  const questions = [question, 'What is the capital of Italy?', 'What is the capital of Japan?']
  const expected = await Promise.all(questions.map((one) => model.chat(one, own).text()))
  expect((await chat.batch(questions)).map(({ content }) => content)).toEqual(expected)
})

const { name, description } = weatherTool.function
const getWeather = tool(async () => weatherAnswer, { name, description, schema: weatherParameters })

test('bindTools, in a loop', async () => {
  const bound = chat.bindTools([getWeather])
  const asked = new HumanMessage(weatherQuestion)
  const call = await bound.invoke([asked])
  expect(call.tool_calls).toMatchObject([{ name, args: { city: 'Paris' } }])
  const { id = '' } = call.tool_calls?.[0] ?? {}
  const told = new ToolMessage({ content: weatherAnswer, tool_call_id: id, name })
  expect((await bound.invoke([asked, call, told])).content).not.toBe('')
})

test('tools, streamed', async () => {
  let joined: AIMessageChunk | undefined
  for await (const chunk of await chat.bindTools([getWeather]).stream(weatherQuestion))
    joined = joined ? concat(joined, chunk) : chunk
  expect(joined?.tool_calls).toMatchObject([{ name, args: { city: 'Paris' } }])
})

test('withStructuredOutput, by a tool', async () => {
  const structured = chat.withStructuredOutput(weatherParameters, { name })
  expect(await structured.invoke(weatherQuestion)).toEqual({ city: 'Paris' })
})

test('streamEvents v2', async () => {
  const events: string[] = []
  for await (const { event } of chat.streamEvents(question, { version: 'v2' })) events.push(event)
  for (const event of ['on_chat_model_start', 'on_chat_model_stream', 'on_chat_model_end'])
    expect(events).toContain(event)
})

test('stop and options of a call', async () => {
  const whole = await model.chat(question, own).text()
  const stop = whole.slice(3, 6)
  expect((await chat.invoke(question, { stop: [stop] })).content).toBe(whole.slice(0, whole.indexOf(stop)))
  const { usage_metadata } = await chat.invoke(question, { maxTokens: 1 })
  expect(usage_metadata).toMatchObject({ output_tokens: 1 })
})

test('an aborted signal ends the answer', async () => {
  const controller = new AbortController()
  const endless = new ChatQuern({ model, temperature: 0, maxTokens: 1500, ignoreEos: true })
  const stream = await endless.stream('Tell me a long story.', { signal: controller.signal })
  const read = async () => {
    for await (const _ of stream) controller.abort()
  }
  await read().catch(() => {})
  await eventually(() => model.stats().active === 0, 'the end of the answer')
})

test('what cannot be done is refused', async () => {
  const forced = chat.bindTools([getWeather], { tool_choice: 'any' })
  await expect(forced.invoke(weatherQuestion)).rejects.toMatchObject({ code: 'unsupported_option' })
  for (const wrong of [null, [null], [getWeather, undefined], [7], ['get_weather'], [{}], {}]) {
    const refused = expect.objectContaining({
      code: 'invalid_option',
      message: expect.stringMatching(/^tools/),
    })
    expect(() => chat.bindTools(wrong as never), JSON.stringify(wrong)).toThrow(refused)
    await expect(chat.invoke(weatherQuestion, { tools: wrong ?? [null] } as never)).rejects.toThrow(refused)
  }
  const image = new HumanMessage({ content: [{ type: 'image_url', image_url: 'data:,' }] })
  await expect(chat.invoke([image])).rejects.toMatchObject({ code: 'invalid_input' })
})

test('QuernLLM continues a text, at once and in a stream', async () => {
  const llm = new QuernLLM({ model, temperature: 0, maxTokens: 20 })
  const expected = await model.generate('Once upon a time', { temperature: 0, maxTokens: 20 }).text()
  expect(await llm.invoke('Once upon a time')).toBe(expected)
  let text = ''
  for await (const piece of await llm.stream('Once upon a time')) text += piece
  expect(text).toBe(expected)
})

test('QuernEmbeddings', async () => {
  const embeddings = new QuernEmbeddings({ model, dimensions: 32 })
  const texts = ['The sky is blue.', 'Bread is baked.']
  const expected = await model.embed(texts, { dimensions: 32 })
  const lists = expected.map((vector) => Array.from(vector))
  expect(await embeddings.embedDocuments(texts)).toEqual(lists)
  expect(await embeddings.embedQuery('The sky is blue.')).toEqual(lists[0])
})

test('stop, where a call names none', async () => {
  const said = await new QuernLLM({ model, ...own, stop: ['a'] }).invoke('Once upon a time')
  expect(said).not.toContain('a')
  expect((await new ChatQuern({ model, ...own, stop: [' '] }).invoke(question)).content).not.toContain(' ')
})

test('what is meant as an option of ours, and what is no model, is said', async () => {
  const wrong = (code: string, text: string) =>
    expect.objectContaining({ code, message: expect.stringContaining(text) })
  const made = (make: (fields: never) => unknown, fields: unknown) => () => make(fields as never)
  const makeChat = made((fields) => new ChatQuern(fields), { model, maxtokens: 3 })
  expect(makeChat).toThrow(wrong('unsupported_option', 'maxTokens'))
  const makeEmbeddings = made((fields) => new QuernEmbeddings(fields), { model, dimension: 8 })
  expect(makeEmbeddings).toThrow(wrong('unsupported_option', 'dimensions'))
  await expect(chat.invoke(question, { maxtokens: 3 } as never)).rejects.toThrow(
    wrong('unsupported_option', 'maxTokens'),
  )
  for (const make of [ChatQuern, QuernLLM, QuernEmbeddings]) {
    expect(made((fields) => new make(fields), undefined)).toThrow(wrong('invalid_option', 'undefined'))
    const named = made((fields) => new make(fields), { model: 'org/name' })
    expect(named).toThrow(wrong('invalid_option', '() => load("org/name")'))
  }
})
