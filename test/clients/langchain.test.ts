// LangChain's client of OpenAI's API.
import { HumanMessage, SystemMessage, ToolMessage } from '@langchain/core/messages'
import { tool } from '@langchain/core/tools'
import { ChatOpenAI, OpenAI } from '@langchain/openai'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { eventually } from '../eventually.js'
import { type Served, serveTiny } from './served.js'
import { weatherAnswer, weatherParameters, weatherQuestion, weatherTool } from './weather.js'

let served: Served

beforeAll(async () => {
  served = await serveTiny()
})
afterAll(() => served.close())

const question = 'What is the capital of France?'

function chat(fields: { maxTokens?: number } = {}): ChatOpenAI {
  return new ChatOpenAI({
    model: 'tiny',
    temperature: 0,
    maxTokens: 40,
    maxRetries: 0,
    ...connection(),
    ...fields,
  })
}

function connection() {
  return { apiKey: 'none', configuration: { baseURL: served.baseURL } }
}

test('invoke', async () => {
  const answer = await chat().invoke(question)
  const own = await served.model.chat(question, { temperature: 0, maxTokens: 40 }).result()
  expect(answer.content).toBe(own.text)
  expect(answer.usage_metadata).toMatchObject({
    input_tokens: own.usage.promptTokens,
    output_tokens: own.usage.completionTokens,
  })
})

test('stream', async () => {
  const messages = [new SystemMessage('Be brief.'), new HumanMessage(question)]
  let text = ''
  let tokens = 0
  for await (const chunk of await chat().stream(messages)) {
    text += chunk.content
    const usage: { output_tokens?: number } = chunk.usage_metadata ?? {}
    tokens += usage.output_tokens ?? 0
  }
  expect(text).toBe((await chat().invoke(messages)).content)
  expect(tokens).toBeGreaterThan(0)
})

test('batch', async () => {
  const questions = [question, 'What is the capital of Italy?', 'What is the capital of Japan?']
  const answers = await chat().batch(questions)
  const own = questions.map((one) => served.model.chat(one, { temperature: 0, maxTokens: 40 }).text())
  expect(answers.map(({ content }) => content)).toEqual(await Promise.all(own))
})

test('bindTools', async () => {
  const { name, description } = weatherTool.function
  const getWeather = tool(async () => weatherAnswer, { name, description, schema: weatherParameters })
  const model = chat().bindTools([getWeather])
  const asked = new HumanMessage(weatherQuestion)
  const call = await model.invoke([asked])
  expect(call.tool_calls).toMatchObject([{ name, args: { city: 'Paris' } }])
  const { id = '' } = call.tool_calls?.[0] ?? {}
  const answer = await model.invoke([
    asked,
    call,
    new ToolMessage({ content: weatherAnswer, tool_call_id: id }),
  ])
  expect(answer.content).not.toBe('')

  const names: string[] = []
  let json = ''
  for await (const { tool_call_chunks = [] } of await model.stream([asked])) {
    for (const chunk of tool_call_chunks) {
      if (chunk.name) names.push(chunk.name)
      json += chunk.args ?? ''
    }
  }
  expect([names, json]).toEqual([[name], '{"city": "Paris"}'])
})

test('completions', async () => {
  const llm = new OpenAI({ model: 'tiny', temperature: 0, maxTokens: 20, maxRetries: 0, ...connection() })
  const own = await served.model.generate('Once upon a time', { temperature: 0, maxTokens: 20 }).text()
  expect(await llm.invoke('Once upon a time')).toBe(own)
})

test('an aborted signal ends the answer', async () => {
  const controller = new AbortController()
  const stream = await chat({ maxTokens: 1500 }).stream('Tell me a long story.', {
    signal: controller.signal,
  })
  const read = async () => {
    for await (const _ of stream) controller.abort()
  }
  await read().catch(() => {})
  await eventually(() => served.model.stats().active === 0, 'the end of the answer')
})

test('an error says what is wrong', async () => {
  const json = chat().withConfig({ response_format: { type: 'json_object' } })
  await expect(json.invoke(question)).rejects.toMatchObject({
    status: 400,
    code: 'unsupported',
    param: 'response_format',
  })
})
