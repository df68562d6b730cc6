import { describe, expect, test } from 'vitest'
import { load } from '../../../lib/index.js'
import { createApp } from '../../../lib/server/index.js'
import { temporaryFolder } from '../../model/temporary.js'
import { makeWithTemplate, thinkingTemplate } from '../../model/with-template.js'
import { eventsOf, type Json, json, post } from '../requests.js'
import { tinyApp } from '../tiny-app.js'

const folder = temporaryFolder()
const { model, app } = await tinyApp({ maxTokens: 500 })

const question = [{ role: 'user', content: 'What is the weather in Paris?' }]
const greedy = { max_tokens: 80, temperature: 0 }
const input_schema = { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] }
const tools = [{ name: 'get_weather', description: 'Get the current weather in a city', input_schema }]

const ask = (body: object) => post(app, '/v1/messages', { messages: question, ...greedy, ...body })

/** A stream's message, put together as clients do it. */
function assembled(events: { event?: string; data: Json }[]): Json {
  let message: Json
  const inputs: string[] = []
  for (const { event, data } of events) {
    expect(event).toBe(data.type)
    if (data.type === 'message_start') message = structuredClone(data.message)
    if (data.type === 'content_block_start') {
      expect(data.index).toBe(message.content.length)
      message.content.push(data.content_block)
      inputs.push('')
    }
    if (data.type === 'content_block_delta') {
      expect(data.index).toBe(message.content.length - 1)
      const block = message.content[data.index]
      if (data.delta.type === 'text_delta') block.text += data.delta.text
      if (data.delta.type === 'thinking_delta') block.thinking += data.delta.thinking
      if (data.delta.type === 'input_json_delta') inputs[data.index] += data.delta.partial_json
    }
    if (data.type === 'content_block_stop' && inputs[data.index])
      message.content[data.index].input = JSON.parse(inputs[data.index] as string)
    if (data.type === 'message_delta')
      Object.assign(message, data.delta, { usage: { ...message.usage, ...data.usage } })
  }
  return message
}

/** What differs between two answers of the same text: their names, and what was in the cache. */
function comparable({ id: _, content, usage, ...rest }: Json): Json {
  const { input_tokens, cache_read_input_tokens, output_tokens } = usage
  return {
    ...rest,
    content: content.map(({ id: _id, ...block }: Json) => block),
    prompt: input_tokens + cache_read_input_tokens,
    output_tokens,
  }
}

test('an answer', async () => {
  const { text, usage } = await model
    .chat('What is the weather in Paris?', { temperature: 0, maxTokens: 80 })
    .result()
  const answer = await json(ask({ model: 'tiny' }))
  expect(answer).toEqual({
    id: expect.stringMatching(/^msg_[0-9a-f]{32}$/),
    type: 'message',
    role: 'assistant',
    model: 'tiny',
    content: [{ type: 'text', text, citations: null }],
    stop_reason: 'end_turn',
    stop_sequence: null,
    usage: {
      input_tokens: expect.any(Number),
      cache_creation_input_tokens: 0,
      cache_read_input_tokens: expect.any(Number),
      output_tokens: usage.completionTokens,
    },
  })
  expect(answer.usage.input_tokens + answer.usage.cache_read_input_tokens).toBe(usage.promptTokens)
})

describe('a stream is the same answer in pieces', () => {
  test.each([
    ['a text', {}],
    ['a call', { tools }],
    ['a text that is cut', { max_tokens: 5 }],
    ['a text up to a stop sequence', { stop_sequences: ['e'] }],
  ])('%s', async (_, body) => {
    const whole = await json(ask(body))
    const events = await eventsOf(await ask({ ...body, stream: true }))
    expect(comparable(assembled(events))).toEqual(comparable(whole))
    const types = events.map(({ data }) => data.type)
    expect(types.slice(0, 2)).toEqual(['message_start', 'ping'])
    expect(types.slice(-3)).toEqual(['content_block_stop', 'message_delta', 'message_stop'])
    expect(events[0]?.data.message.usage.input_tokens).toBe(comparable(whole).prompt)
  })
})

test('a tool is called, its answer answered', async () => {
  const call = await json(ask({ tools }))
  expect(call.stop_reason).toBe('tool_use')
  const id = expect.stringMatching(/^toolu_[A-Za-z0-9]{9}$/)
  expect(call.content).toEqual([{ type: 'tool_use', id, name: 'get_weather', input: { city: 'Paris' } }])
  const result = {
    type: 'tool_result',
    tool_use_id: call.content[0].id,
    content: '{"temperature": 21, "sky": "sunny"}',
  }
  const messages = [
    ...question,
    { role: 'assistant', content: call.content },
    { role: 'user', content: [result] },
  ]
  const answer = await json(ask({ tools, messages }))
  expect(answer.stop_reason).toBe('end_turn')
  expect(answer.content[0].text).toContain('Paris')
})

test('no tools where none is to be called', async () => {
  const plain = await json(ask({}))
  const none = await json(ask({ tools, tool_choice: { type: 'none' } }))
  expect(comparable(none)).toEqual(comparable(plain))
})

test('thoughts are a block of their own', async () => {
  const thinking = await load(await makeWithTemplate(folder.join('thinking'), thinkingTemplate))
  const { reasoning } = await thinking
    .chat('What is the weather in Paris?', { maxTokens: 80, temperature: 0 })
    .result()
  const other = createApp({ models: { thinking } })
  const think = (body: object) => post(other, '/v1/messages', { messages: question, ...greedy, ...body })
  const answer = await json(think({}))
  const streamed = assembled(await eventsOf(await think({ stream: true })))
  expect(answer.content).toEqual([{ type: 'thinking', thinking: reasoning, signature: '' }])
  await thinking.close()
  expect(comparable(streamed)).toEqual(comparable(answer))
})

test('why it ended', async () => {
  const whole = (await json(ask({}))).content[0].text as string
  const stop = whole.slice(8, 11)
  const stopped = await json(ask({ stop_sequences: ['not there', stop] }))
  expect(stopped).toMatchObject({ stop_reason: 'stop_sequence', stop_sequence: stop })
  expect(stopped.content[0].text).toBe(whole.slice(0, whole.indexOf(stop)))
  expect(await json(ask({ max_tokens: 3 }))).toMatchObject({
    stop_reason: 'max_tokens',
    stop_sequence: null,
  })
})

test('the assistant may begin the answer itself', async () => {
  const whole = (await json(ask({}))).content[0].text as string
  const begun = whole.split(' ').slice(0, 3).join(' ')
  const messages = [...question, { role: 'assistant', content: begun }]
  expect(begun + (await json(ask({ messages }))).content[0].text).toBe(whole)
})

test('tokens are counted as answers count them', async () => {
  for (const body of [{}, { tools }, { system: 'Be terse.' }]) {
    const { input_tokens } = await json(
      post(app, '/v1/messages/count_tokens', { messages: question, ...body }),
    )
    expect(input_tokens).toBe(comparable(await json(ask(body))).prompt)
  }
})

const image = { type: 'image', source: { type: 'url', url: 'https://example.com/cat.png' } }

test.each([
  [{ max_tokens: undefined }, 'max_tokens'],
  [{ max_tokens: 501 }, 'at most 500'],
  [{ messages: [] }, 'messages'],
  [{ messages: [{ role: 'system', content: 'x' }] }, "'user' or 'assistant'"],
  [{ messages: [{ role: 'user', content: [image] }] }, 'messages[0].content[0]: blocks of the type image'],
  [{ tools: [{ type: 'web_search_20250305', name: 'web_search' }] }, 'tools[0]'],
  [{ tools, tool_choice: { type: 'any' } }, 'tool_choice'],
  [{ tools, tool_choice: { type: 'tool', name: 'get_weather' } }, 'tool_choice'],
  [{ tools: [{ ...tools[0], strict: true }] }, 'tools[0].strict'],
  [{ output_config: { format: { type: 'json_schema', schema: {} } } }, 'output_config.format'],
  [{ temprature: 1 }, 'temprature'],
])('%j is refused: %s', async (body, message) => {
  const response = await ask(body)
  expect(response.status).toBe(400)
  expect(await json(response)).toEqual({
    type: 'error',
    error: { type: 'invalid_request_error', message: expect.stringContaining(message) },
    request_id: response.headers.get('x-request-id'),
  })
})

test('what is known and changes nothing is taken', async () => {
  const body = {
    metadata: { user_id: 'u1' },
    service_tier: 'auto',
    output_config: { effort: 'low' },
    system: [{ type: 'text', text: 'Be terse.', cache_control: { type: 'ephemeral' } }],
  }
  const headers = { 'anthropic-version': '2023-06-01', 'anthropic-beta': 'x' }
  expect((await post(app, '/v1/messages', { messages: question, ...greedy, ...body }, headers)).status).toBe(
    200,
  )
})

test('a model that is not there, and a conversation that does not fit', async () => {
  const missing = await ask({ model: 'claude' })
  expect(missing.status).toBe(404)
  expect((await json(missing)).error.type).toBe('not_found_error')
  for (const stream of [false, true]) {
    const long = await ask({ messages: [{ role: 'user', content: 'long '.repeat(5000) }], stream })
    expect(long.status).toBe(400)
    expect((await json(long)).error.message).toMatch(/2048/)
  }
})

test('what goes wrong later is an event', async () => {
  const other = await load(undefined, { threads: 1 })
  const closing = createApp({ models: { other }, log: 'off' })
  const messages = [{ role: 'user', content: 'Tell me a story about a boy.' }]
  const response = await post(closing, '/v1/messages', { messages, max_tokens: 400, stream: true })
  const texts = response.body?.pipeThrough(new TextDecoderStream()) as ReadableStream<string>
  let all = ''
  for await (const text of texts) {
    if (all === '') await other.close()
    all += text
  }
  expect(all).toMatch(/^event: message_start\n/)
  expect(all).toMatch(/\nevent: error\ndata: \{"type":"error","error":\{"type":"overloaded_error"[^\n]*\n\n$/)
})
