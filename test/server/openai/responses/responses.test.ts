import { describe, expect, test } from 'vitest'
import { load } from '../../../../lib/index.js'
import { createApp } from '../../../../lib/server/index.js'
import { responseAnswer } from '../../../../lib/server/openai/responses/response.js'
import { temporaryFolder } from '../../../model/temporary.js'
import { makeWithTemplate, thinkingTemplate } from '../../../model/with-template.js'
import { eventsOf, type Json, json, post } from '../../requests.js'
import { tinyApp } from '../../tiny-app.js'

const folder = temporaryFolder()
const { model, app } = await tinyApp({ maxTokens: 500 })

const input = 'What is the weather in Paris?'
const greedy = { max_output_tokens: 80, temperature: 0 }
const parameters = { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] }
const tools = [
  {
    type: 'function',
    name: 'get_weather',
    description: 'Get the current weather in a city',
    parameters,
    strict: false,
  },
]

const ask = (body: object) => post(app, '/v1/responses', { input, ...greedy, ...body })

/** What differs between two answers of the same text: names, times, and what was in the cache. */
function comparable({ id: _, created_at, completed_at, output, usage, ...rest }: Json): Json {
  const items = output.map(({ id: _id, call_id, ...item }: Json) => item)
  const { input_tokens_details, ...used } = usage
  return { ...rest, output: items, usage: used }
}

/** What the events of a stream say of its items, and what its end does. */
function assembled(events: { event?: string; data: Json }[]): { output: Json[]; last: Json } {
  const output: Json[] = []
  for (const [i, { event, data }] of events.entries()) {
    expect(event).toBe(data.type)
    expect(data.sequence_number).toBe(i)
    const item = output[data.output_index]
    if (data.item_id !== undefined) expect(data.item_id).toBe(item.id)
    if (data.type === 'response.output_item.added') {
      expect(data.output_index).toBe(output.length)
      expect(data.item.status).toBe('in_progress')
      output.push(structuredClone(data.item))
    }
    if (data.type === 'response.content_part.added') item.content.push(structuredClone(data.part))
    if (/(output|reasoning)_text.delta$/.test(data.type)) item.content[data.content_index].text += data.delta
    if (data.type === 'response.function_call_arguments.delta') item.arguments += data.delta
    if (/_text.done$/.test(data.type)) expect(item.content[data.content_index].text).toBe(data.text)
    if (data.type === 'response.function_call_arguments.done') expect(item.arguments).toBe(data.arguments)
    if (data.type === 'response.output_item.done') {
      item.status = data.item.status
      expect(item).toEqual(data.item)
    }
  }
  return { output, last: events.at(-1)?.data.response }
}

test('an answer', async () => {
  const { text, usage } = await model.chat(input, { temperature: 0, maxTokens: 80 }).result()
  const answer = await json(ask({ model: 'tiny', metadata: { of: 'mine' } }))
  expect(answer).toMatchObject({
    id: expect.stringMatching(/^resp_[0-9a-f]{32}$/),
    object: 'response',
    status: 'completed',
    error: null,
    incomplete_details: null,
    metadata: { of: 'mine' },
    model: 'tiny',
    output: [
      {
        type: 'message',
        id: expect.stringMatching(/^msg_/),
        role: 'assistant',
        status: 'completed',
        content: [{ type: 'output_text', text, annotations: [], logprobs: [] }],
      },
    ],
    usage: { input_tokens: usage.promptTokens, output_tokens: usage.completionTokens },
  })
  expect(responseAnswer.strict().safeParse(answer).error).toBeUndefined()
})

describe('a stream is the same answer in pieces', () => {
  test.each([
    ['a text', {}, 'completed'],
    ['a call', { tools }, 'completed'],
    ['a text that is cut', { max_output_tokens: 5 }, 'incomplete'],
  ])('%s', async (_, body, status) => {
    const whole = await json(ask(body))
    expect(whole.status).toBe(status)
    const events = await eventsOf(await ask({ ...body, stream: true }))
    const types = events.map(({ data }) => data.type)
    expect(types.slice(0, 2)).toEqual(['response.created', 'response.in_progress'])
    expect(types.at(-1)).toBe(`response.${status}`)
    const { output, last } = assembled(events)
    expect(output).toEqual(last.output)
    expect(comparable(last)).toEqual(comparable(whole))
  })
})

test('an answer that is cut says so', async () => {
  const answer = await json(ask({ max_output_tokens: 5 }))
  expect(answer).toMatchObject({
    incomplete_details: { reason: 'max_output_tokens' },
    output: [{ status: 'incomplete' }],
  })
})

test('thoughts are an item of their own', async () => {
  const thinking = await load(await makeWithTemplate(folder.join('thinking'), thinkingTemplate))
  const other = createApp({ models: { thinking } })
  const { reasoning } = await thinking.chat(input, { maxTokens: 80, temperature: 0 }).result()
  const { output, last } = assembled(
    await eventsOf(await post(other, '/v1/responses', { input, ...greedy, stream: true })),
  )
  await thinking.close()
  expect(output).toEqual(last.output)
  expect(output).toMatchObject([
    { type: 'reasoning', summary: [], content: [{ type: 'reasoning_text', text: reasoning }] },
  ])
  expect(last.usage.output_tokens_details.reasoning_tokens).toBeGreaterThan(0)
})

describe('a function', () => {
  const result = '{"temperature": 21, "sky": "sunny"}'

  test('is called, and what comes of it answered, with all items given again', async () => {
    const call = await json(ask({ tools }))
    const [item] = call.output
    expect(item).toMatchObject({
      type: 'function_call',
      name: 'get_weather',
      arguments: '{"city": "Paris"}',
      call_id: expect.stringMatching(/^call_/),
    })
    const items = [
      { role: 'user', content: input },
      item,
      { type: 'function_call_output', call_id: item.call_id, output: result },
    ]
    const answer = await json(ask({ tools, input: items }))
    expect(answer.output[0].content[0].text).toContain('Paris')
  })

  test('so it is with the response that called it', async () => {
    const call = await json(ask({ tools }))
    const output = { type: 'function_call_output', call_id: call.output[0].call_id, output: result }
    const answer = await json(ask({ tools, input: [output], previous_response_id: call.id }))
    expect(answer.previous_response_id).toBe(call.id)
    expect(answer.output[0].content[0].text).toContain('Paris')
  })

  test('is not called where none is to be', async () => {
    const none = await json(ask({ tools, tool_choice: 'none' }))
    expect(comparable(none).output).toEqual(comparable(await json(ask({}))).output)
  })
})

describe('earlier answers', () => {
  const retrieve = (id: string) => app.request(`/v1/responses/${id}`)

  test('are gone on with, as if the whole conversation were given', async () => {
    for (const stream of [false, true]) {
      const asked = await ask({ input: 'Hello!', instructions: 'Be terse.', stream })
      const first = stream ? (await eventsOf(asked)).at(-1)?.data.response : await json(asked)
      const next = await json(ask({ input: 'And now?', previous_response_id: first.id }))
      const text = first.output[0].content[0].text
      const whole = await json(
        ask({
          input: [
            { role: 'user', content: 'Hello!' },
            { role: 'assistant', content: text },
            { role: 'user', content: 'And now?' },
          ],
        }),
      )
      expect(comparable(next).output).toEqual(comparable(whole).output)
      expect(comparable(next).usage).toEqual(comparable(whole).usage)
    }
  })

  test('are there until they are deleted', async () => {
    const answer = await json(ask({}))
    expect(await json(retrieve(answer.id))).toEqual(answer)
    const gone = await app.request(`/v1/responses/${answer.id}`, { method: 'DELETE' })
    expect(await json(gone)).toEqual({ id: answer.id, object: 'response', deleted: true })
    expect((await retrieve(answer.id)).status).toBe(404)
    expect((await app.request(`/v1/responses/${answer.id}`, { method: 'DELETE' })).status).toBe(404)
    const next = await ask({ previous_response_id: answer.id })
    expect(next.status).toBe(400)
    expect((await json(next)).error).toMatchObject({
      code: 'previous_response_not_found',
      param: 'previous_response_id',
    })
  })

  test('are not there where they were not to be stored', async () => {
    const answer = await json(ask({ store: false }))
    expect(answer.store).toBe(false)
    expect((await retrieve(answer.id)).status).toBe(404)
  })
})

const image = { type: 'input_image', image_url: 'https://example.com/cat.png' }

test.each([
  [{ input: undefined }, 'input', null],
  [{ input: [] }, 'input', null],
  [{ input: [{ role: 'user', content: [image] }] }, 'input[0].content[0]', 'unsupported'],
  [{ input: [{ type: 'item_reference', id: 'x' }] }, 'input[0].type', null],
  [{ max_output_tokens: 501 }, 'max_output_tokens', null],
  [{ include: ['message.output_text.logprobs'] }, 'include[0]', 'unsupported'],
  [{ background: true }, 'background', 'unsupported'],
  [{ conversation: 'conv_1' }, 'conversation', 'unsupported'],
  [{ text: { format: { type: 'json_schema', schema: {} } } }, 'text.format.type', 'unsupported'],
  [{ tools: [{ type: 'web_search' }] }, 'tools[0].type', 'unsupported'],
  [{ tools: [{ ...tools[0], strict: true }] }, 'tools[0].strict', 'unsupported'],
  [{ tools, tool_choice: 'required' }, 'tool_choice', 'unsupported'],
  [{ tools, tool_choice: { type: 'function', name: 'get_weather' } }, 'tool_choice', 'unsupported'],
  [{ tools, parallel_tool_calls: false }, 'parallel_tool_calls', 'unsupported'],
  [{ temprature: 1 }, 'temprature', null],
])('%j: %s is refused', async (body, param, code) => {
  const response = await ask(body)
  expect(response.status).toBe(400)
  expect((await json(response)).error).toMatchObject({ param, code })
})

test('a conversation that does not fit is refused, or shortened', async () => {
  const long = [
    { role: 'user', content: 'long '.repeat(3000) },
    { role: 'assistant', content: 'Yes.' },
    { role: 'user', content: 'Hello!' },
  ]
  const refused = await ask({ input: long, stream: true })
  expect(refused.status).toBe(400)
  expect((await json(refused)).error).toMatchObject({ code: 'context_length_exceeded', param: 'input' })
  expect((await json(ask({ input: long, truncation: 'auto' }))).status).toBe('completed')
  const endless = await load(undefined, { threads: 1, attentionSinks: { sinks: 4, window: 60 } })
  const other = createApp({ models: { endless }, log: 'off' })
  const told = (more: object) => post(other, '/v1/responses', { input: long, max_output_tokens: 2, ...more })
  expect((await told({})).status).toBe(200)
  expect((await told({ truncation: 'disabled' })).status).toBe(400)
  await endless.close()
})

test('what goes wrong later is the last event', async () => {
  const other = await load(undefined, { threads: 1 })
  const closing = createApp({ models: { other }, log: 'off' })
  const response = await post(closing, '/v1/responses', {
    input: 'Tell me a story about a boy.',
    stream: true,
  })
  const texts = response.body?.pipeThrough(new TextDecoderStream()) as ReadableStream<string>
  let all = ''
  for await (const text of texts) {
    if (all === '') await other.close()
    all += text
  }
  const last = (await eventsOf(new Response(all))).at(-1)
  expect(last).toMatchObject({
    event: 'response.failed',
    data: { response: { status: 'failed', error: { code: 'closed' } } },
  })
})
