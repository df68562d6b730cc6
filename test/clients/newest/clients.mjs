// The newest clients against a server of the bundled model, whose address is the only argument: each answers, streams and calls a tool.
import assert from 'node:assert/strict'
import { createOpenAICompatible } from '@ai-sdk/openai-compatible'
import { HumanMessage } from '@langchain/core/messages'
import { ChatOpenAI } from '@langchain/openai'
import { generateText, jsonSchema, stepCountIs, streamText, tool } from 'ai'
import OpenAI from 'openai'

const [baseURL] = process.argv.slice(2)
const content = 'What is the capital of France?'
const weather = 'What is the weather in Paris?'
const parameters = { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] }
const definition = { name: 'get_weather', description: 'Get the current weather in a city', parameters }
const answer = '{"temperature": 21, "sky": "sunny"}'

async function openai() {
  const client = new OpenAI({ baseURL, apiKey: 'none', maxRetries: 0 })
  const greedy = { model: 'tiny', temperature: 0, max_tokens: 40 }
  const request = { ...greedy, messages: [{ role: 'user', content }] }
  const whole = await client.chat.completions.create(request)
  let text = ''
  for await (const chunk of await client.chat.completions.create({ ...request, stream: true }))
    text += chunk.choices[0]?.delta.content ?? ''
  assert.equal(text, whole.choices[0].message.content)
  const given = []
  const run = async (input) => {
    given.push(input)
    return answer
  }
  const runner = client.chat.completions.runTools({
    ...greedy,
    messages: [{ role: 'user', content: weather }],
    tools: [{ type: 'function', function: { ...definition, parse: JSON.parse, function: run } }],
  })
  assert.notEqual(await runner.finalContent(), '')
  assert.deepEqual(given, [{ city: 'Paris' }])
  await assert.rejects(client.chat.completions.create({ ...request, model: 'nobody' }), OpenAI.NotFoundError)
  return text
}

async function aiSdk() {
  const model = createOpenAICompatible({ name: 'quern', baseURL, includeUsage: true })('tiny')
  const settings = { model, temperature: 0, maxOutputTokens: 40, maxRetries: 0 }
  const streamed = streamText({ ...settings, prompt: content })
  let text = ''
  for await (const piece of streamed.textStream) text += piece
  assert.ok((await streamed.usage).outputTokens > 0)
  const given = []
  const get_weather = tool({
    description: definition.description,
    inputSchema: jsonSchema(parameters),
    execute: async (input) => {
      given.push(input)
      return answer
    },
  })
  const loop = { tools: { get_weather }, stopWhen: stepCountIs(3) }
  assert.notEqual((await generateText({ ...settings, prompt: weather, ...loop })).text, '')
  assert.deepEqual(given, [{ city: 'Paris' }])
  return text
}

async function langchain() {
  const fields = { model: 'tiny', temperature: 0, maxTokens: 40, apiKey: 'none', configuration: { baseURL } }
  const chat = new ChatOpenAI(fields)
  let text = ''
  for await (const chunk of await chat.stream(content)) text += chunk.content
  const tools = [{ type: 'function', function: definition }]
  const call = await chat.bindTools(tools).invoke([new HumanMessage(weather)])
  assert.deepEqual(call.tool_calls?.[0]?.args, { city: 'Paris' })
  return text
}

const texts = [await openai(), await aiSdk(), await langchain()]
assert.equal(new Set(texts).size, 1)
console.log(`Node.js ${process.versions.node}: ${texts[0]}`)
