import { describe, expect, test } from 'vitest'
import type { ChatMessage } from '../../lib/index.js'
import { createApp } from '../../lib/server/index.js'
import { chatAnswer, chatChunk } from '../../lib/server/openai/chat-answer.js'
import { eventually } from '../eventually.js'
import { eventsOf, type Json, json, post } from './requests.js'
import { tinyApp } from './tiny-app.js'

const { model, app } = await tinyApp({ maxTokens: 512, log: 'off' })

const chat = async (body: unknown) => post(app, '/v1/chat/completions', body)
const messages: ChatMessage[] = [{ role: 'user', content: 'What is the capital of France?' }]
const greedy = { messages, temperature: 0, max_tokens: 60 }
const weather = {
  type: 'function',
  function: {
    name: 'get_weather',
    description: 'Get the current weather in a city',
    parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
  },
}
const question: ChatMessage[] = [{ role: 'user', content: 'What is the weather in Paris?' }]
const asking = { ...greedy, messages: question, tools: [weather] }

async function answerOf(body: unknown): Promise<Json> {
  const response = await chat(body)
  const answer = await json(response)
  expect(response.status, JSON.stringify(answer)).toBe(200)
  return chatAnswer.parse(answer)
}

/** The events of a stream but for the last, '[DONE]'. */
async function chunksOf(body: object): Promise<Json[]> {
  const events = await eventsOf(await chat({ ...body, stream: true }))
  expect(events.at(-1)?.data).toBe('[DONE]')
  return events.slice(0, -1).map(({ data }) => chatChunk.parse(data))
}

/** The choices that a stream's pieces make, as a client puts them together. */
function joined(chunks: Json[]): Json[] {
  const choices: Json[] = []
  for (const { index, delta, logprobs, finish_reason } of chunks.flatMap((chunk) => chunk.choices)) {
    choices[index] ??= { index, message: { refusal: null }, logprobs: null, finish_reason: null }
    const choice = choices[index]
    const { message } = choice
    expect(choice.finish_reason).toBeNull()
    choice.finish_reason = finish_reason
    if (delta.role) message.role = delta.role
    for (const name of ['content', 'reasoning_content'])
      if (name in delta) message[name] = (message[name] ?? '') + delta[name]
    for (const call of delta.tool_calls ?? []) {
      message.tool_calls ??= []
      message.tool_calls[call.index] ??= { id: call.id, type: call.type, function: { arguments: '' } }
      const { function: called } = message.tool_calls[call.index]
      if (call.function.name) called.name = call.function.name
      called.arguments += call.function.arguments
    }
    if (!logprobs) continue
    choice.logprobs ??= { content: [], refusal: null }
    choice.logprobs.content.push(...logprobs.content)
  }
  return choices
}

describe('an answer', () => {
  test('is what the model says', async () => {
    const { choices, usage, id, system_fingerprint } = await answerOf(greedy)
    const own = await model.chat(messages, { temperature: 0, maxTokens: 60 }).result()
    const message = { role: 'assistant', content: own.text, refusal: null }
    expect(choices).toEqual([{ index: 0, message, logprobs: null, finish_reason: 'stop' }])
    expect(usage).toMatchObject({
      prompt_tokens: own.usage.promptTokens,
      completion_tokens: own.usage.completionTokens,
      completion_tokens_details: { reasoning_tokens: 0 },
    })
    expect(id).toMatch(/^chatcmpl-\w+$/)
    expect(system_fingerprint).toMatch(/^fp_\w+$/)
    const again = await answerOf({ ...asking, max_tokens: 1 })
    const { prompt_tokens, prompt_tokens_details } = (await answerOf({ ...asking, max_tokens: 1 })).usage
    expect(again.usage.prompt_tokens).toBe(prompt_tokens)
    expect(prompt_tokens_details.cached_tokens).toBeGreaterThan(prompt_tokens - 17)
  })

  test('reads messages in all their forms', async () => {
    const plain = await answerOf({
      ...greedy,
      messages: [{ role: 'system', content: 'Be brief.\nAlways.' }, ...messages],
    })
    const formed = await answerOf({
      ...greedy,
      messages: [
        {
          role: 'developer',
          content: [
            { type: 'text', text: 'Be brief.\n' },
            { type: 'text', text: 'Always.' },
          ],
        },
        { role: 'user', type: 'text', content: 'What is the capital of France?' },
      ],
    })
    expect(formed.choices).toEqual(plain.choices)
    expect(formed.usage.prompt_tokens).toBe(plain.usage.prompt_tokens)
  })

  test('comes n times', async () => {
    const wild = { ...greedy, temperature: 1, top_k: 0, seed: 3 }
    const { choices, usage } = await answerOf({ ...wild, n: 3 })
    for (const [i, choice] of choices.entries()) {
      const alone = await answerOf({ ...wild, seed: 3 + i })
      expect(choice).toEqual({ ...alone.choices[0], index: i })
      expect(usage.prompt_tokens).toBe(alone.usage.prompt_tokens)
    }
  })

  test('has the log-probabilities of its tokens, and their bytes', async () => {
    const body = { ...greedy, messages: [{ role: 'user', content: '法国的首都是哪里？' }] }
    const { choices } = await answerOf({ ...body, logprobs: true, top_logprobs: 3 })
    const { content } = choices[0].logprobs
    const own = await model
      .chat('法国的首都是哪里？', { temperature: 0, maxTokens: 60, logprobs: true })
      .result()
    expect(content.map(({ logprob }: Json) => logprob)).toEqual(own.logprobs?.map(({ logprob }) => logprob))
    const bytes = content.slice(0, -1).flatMap((entry: Json) => entry.bytes) // the last ends the answer
    expect(Buffer.from(bytes).toString()).toBe(choices[0].message.content)
    for (const { token, logprob, bytes: own, top_logprobs } of content) {
      expect(top_logprobs).toHaveLength(3)
      expect(top_logprobs[0]).toEqual({ token, logprob, bytes: own })
    }
  })
})

describe('tools', () => {
  test('are called', async () => {
    const { choices } = await answerOf(asking)
    expect(choices[0]).toMatchObject({
      message: {
        content: null,
        tool_calls: [{ type: 'function', function: { name: 'get_weather', arguments: '{"city": "Paris"}' } }],
      },
      finish_reason: 'tool_calls',
    })
    expect(choices[0].message.tool_calls[0].id).toMatch(/^call_\w{9}$/)
  })

  test('answer, in the message that came and in the words of the library', async () => {
    const { message } = (await answerOf(asking)).choices[0]
    const { id } = message.tool_calls[0]
    const result = '{"temperature": 21, "sky": "sunny"}'
    const answered = [...question, message, { role: 'tool', tool_call_id: id, content: result }]
    const { choices } = await answerOf({ ...asking, messages: answered })
    const own = id.slice('call_'.length)
    const calls = [{ ...message.tool_calls[0], id: own }]
    const conversation: ChatMessage[] = [
      ...question,
      { role: 'assistant', content: '', tool_calls: calls },
      { role: 'tool', tool_call_id: own, content: result },
    ]
    const { function: definition } = weather
    const options = { temperature: 0, maxTokens: 60, tools: [definition] }
    expect(choices[0].message.content).toBe(await model.chat(conversation, options).text())
  })

  test('are not given where none may be called', async () => {
    const { choices, usage } = await answerOf({ ...asking, tool_choice: 'none' })
    expect(choices[0].message.tool_calls).toBeUndefined()
    expect(usage.prompt_tokens).toBe((await answerOf({ ...greedy, messages: question })).usage.prompt_tokens)
  })

  test('are called several at a time, or one, as the request says', async () => {
    const end = model.tokenizer.idOf('<|im_end|>')
    const both = {
      ...asking,
      messages: [{ role: 'user', content: 'Get the weather in Paris. Then get the weather in Rome.' }],
      max_tokens: 120,
      logit_bias: { [`${end}`]: -100 }, // otherwise it calls one at a time
      stop: '<tool_response>',
    }
    const cities = (choice: Json) =>
      choice.message.tool_calls.map((one: Json) => JSON.parse(one.function.arguments).city)
    const whole = (await answerOf(both)).choices[0]
    expect(cities(whole)).toEqual(['Paris', 'Rome'])
    expect(whole.finish_reason).toBe('tool_calls')
    const [streamed] = joined(await chunksOf(both))
    expect(cities(streamed)).toEqual(['Paris', 'Rome'])
    expect(streamed.message.tool_calls.map(({ id }: Json) => id)).not.toContain(undefined)
    const single = { ...both, parallel_tool_calls: false }
    expect(cities((await answerOf(single)).choices[0])).toEqual(['Paris'])
    expect(cities(joined(await chunksOf(single))[0])).toEqual(['Paris'])
  })
})

describe('a stream', () => {
  const shapes: object[] = [
    {},
    { n: 3, temperature: 1, seed: 5 },
    { logprobs: true, top_logprobs: 2, n: 2, seed: 1 },
    { stop: ' is' },
  ]
  test.each(shapes)('is the whole answer in pieces: %j', async (shape) => {
    const body = { ...greedy, ...shape }
    const chunks = await chunksOf(body)
    expect(new Set(chunks.map(({ id }) => id)).size).toBe(1)
    expect(chunks[0].choices[0].delta).toEqual({ role: 'assistant', content: '' })
    expect(joined(chunks)).toEqual((await answerOf(body)).choices)
  })

  test('of a call is its head, its arguments and the reason', async () => {
    const chunks = await chunksOf(asking)
    const deltas = chunks.map(({ choices }) => choices[0].delta)
    expect(deltas).toEqual([
      { role: 'assistant', content: '' },
      {
        tool_calls: [
          {
            index: 0,
            id: expect.stringMatching(/^call_/),
            type: 'function',
            function: { name: 'get_weather', arguments: '' },
          },
        ],
      },
      { tool_calls: [{ index: 0, function: { arguments: '{"city": "Paris"}' } }] },
      {},
    ])
    expect(chunks.at(-1).choices[0].finish_reason).toBe('tool_calls')
  })

  test('tells the usage where it is asked for', async () => {
    const { usage } = await answerOf(greedy)
    const chunks = await chunksOf({ ...greedy, stream_options: { include_usage: true } })
    expect(chunks.slice(0, -1).every((chunk) => chunk.usage === null)).toBe(true)
    const { completion_tokens, total_tokens } = usage
    expect(chunks.at(-1)).toMatchObject({ choices: [], usage: { completion_tokens, total_tokens } })
    expect((await chunksOf(greedy)).some((chunk) => 'usage' in chunk)).toBe(false)
  })

  test('that nobody reads any more ends all of its choices', async () => {
    const response = await chat({ ...greedy, max_tokens: 512, ignore_eos: true, n: 4, stream: true })
    const reader = response.body?.getReader()
    await reader?.read()
    await reader?.cancel()
    await eventually(() => model.stats().active + model.stats().queued === 0, 'the end of all choices')
  })
})

test('models are listed, and told of one by one', async () => {
  const named = createApp({ models: { 'Org/Model-1.5B': model, other: model }, log: 'off' })
  const { data } = await json(named.request('/v1/models'))
  expect(data.map(({ id }: Json) => id)).toEqual(['Org/Model-1.5B', 'other'])
  for (const path of ['Org/Model-1.5B', 'Org%2FModel-1.5B'])
    expect(await json(named.request(`/v1/models/${path}`))).toEqual(data[0])
  const missing = await named.request('/v1/models/nobody')
  expect(missing.status).toBe(404)
  expect((await json(missing)).error).toMatchObject({ code: 'model_not_found', param: 'model' })
})
