// The package `openai`, as its users use it.
import OpenAI, { BadRequestError, NotFoundError, RateLimitError } from 'openai'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { load } from '../../lib/index.js'
import { serve } from '../../lib/server/index.js'
import { eventually } from '../eventually.js'
import { type Served, serveTiny } from './served.js'
import { weatherAnswer, weatherQuestion, weatherTool } from './weather.js'

let served: Served
let client: OpenAI

beforeAll(async () => {
  served = await serveTiny()
  client = new OpenAI({ baseURL: served.baseURL, apiKey: 'none', maxRetries: 0 })
})
afterAll(() => served.close())

const prompt = 'Once upon a time'
const greedy = { model: 'tiny', temperature: 0, max_tokens: 40 }
const messages = [{ role: 'user' as const, content: 'What is the capital of France?' }]

/** Whether nobody is being answered. */
function isIdle(): boolean {
  const { active, queued } = served.model.stats()
  return active + queued === 0
}

test('models', async () => {
  const names: string[] = []
  for await (const model of client.models.list()) names.push(model.id)
  expect(names).toEqual(['tiny'])
  expect(await client.models.retrieve('tiny')).toMatchObject({ id: 'tiny', object: 'model' })
})

describe('completions', () => {
  test('whole and streamed', async () => {
    const { choices, usage } = await client.completions.create({ ...greedy, prompt })
    expect(choices[0]?.text).toBe(
      await served.model.generate(prompt, { temperature: 0, maxTokens: 40 }).text(),
    )
    expect(usage?.completion_tokens).toBe(40)
    let text = ''
    for await (const chunk of await client.completions.create({ ...greedy, prompt, stream: true }))
      text += chunk.choices[0]?.text
    expect(text).toBe(choices[0]?.text)
  })

  test('log-probabilities of an echoed prompt', async () => {
    const request = { ...greedy, prompt, echo: true, max_tokens: 0, logprobs: 2 }
    const { logprobs } = (await client.completions.create(request)).choices[0] as OpenAI.CompletionChoice
    expect(logprobs?.tokens?.join('')).toBe(prompt)
    expect(logprobs?.token_logprobs?.slice(1).every((logprob) => logprob < 0)).toBe(true)
  })
})

describe('chat', () => {
  test('an answer', async () => {
    const { choices, usage } = await client.chat.completions.create({ ...greedy, messages, n: 2, seed: 1 })
    const text = await served.model.chat(messages, { temperature: 0, maxTokens: 40 }).text()
    expect(choices.map(({ message }) => message.content)).toEqual([text, text])
    expect(usage?.completion_tokens_details?.reasoning_tokens).toBe(0)
  })

  test('a stream, with its usage', async () => {
    const stream_options = { include_usage: true }
    const chunks: OpenAI.ChatCompletionChunk[] = []
    for await (const chunk of await client.chat.completions.create({
      ...greedy,
      messages,
      stream: true,
      stream_options,
      logprobs: true,
      top_logprobs: 1,
    }))
      chunks.push(chunk)
    expect(chunks[0]?.choices[0]?.delta.role).toBe('assistant')
    expect(chunks.at(-1)?.usage?.completion_tokens).toBeGreaterThan(0)
    const bytes = chunks.flatMap(({ choices }) => choices[0]?.logprobs?.content ?? []).slice(0, -1)
    const text = chunks.map(({ choices }) => choices[0]?.delta.content ?? '').join('')
    expect(Buffer.from(bytes.flatMap((entry) => entry.bytes ?? [])).toString()).toBe(text)
  })

  test("the stream helper's events", async () => {
    const stream = client.chat.completions.stream({ ...greedy, messages, logprobs: true })
    const seen = new Set<string>()
    let text = ''
    stream.on('content', (delta) => {
      text += delta
    })
    stream.on('content.delta', () => seen.add('content.delta'))
    stream.on('content.done', ({ content }) => {
      seen.add('content.done')
      expect(content).toBe(text)
    })
    stream.on('logprobs.content.done', () => seen.add('logprobs.content.done'))
    stream.on('end', () => seen.add('end'))
    const completion = await stream.finalChatCompletion()
    expect(completion.choices[0]).toMatchObject({ message: { content: text }, finish_reason: 'stop' })
    expect([...seen].sort()).toEqual(['content.delta', 'content.done', 'end', 'logprobs.content.done'])
  })

  test("the stream helper's tool calls", async () => {
    const asked = [{ role: 'user' as const, content: weatherQuestion }]
    const stream = client.chat.completions.stream({ ...greedy, messages: asked, tools: [weatherTool] })
    const done: string[] = []
    stream.on('tool_calls.function.arguments.done', ({ name, arguments: json }) => done.push(name, json))
    const { message, finish_reason } = (await stream.finalChatCompletion()).choices[0] ?? {}
    expect(finish_reason).toBe('tool_calls')
    expect(done).toEqual(['get_weather', '{"city": "Paris"}'])
    expect(message?.tool_calls?.[0]?.id).toMatch(/^call_/)
  })

  test.each([false, true])('the loop that runs tools, streamed: %s', async (stream) => {
    const asked: unknown[] = []
    const tool = {
      type: 'function' as const,
      function: {
        ...weatherTool.function,
        parse: JSON.parse as (json: string) => unknown,
        function: (given: unknown) => {
          asked.push(given)
          return weatherAnswer
        },
      },
    }
    const request = {
      ...greedy,
      messages: [{ role: 'user' as const, content: weatherQuestion }],
      tools: [tool],
    }
    const runner = stream
      ? client.chat.completions.runTools({ ...request, stream: true })
      : client.chat.completions.runTools(request)
    const content = await runner.finalContent()
    expect(asked).toEqual([{ city: 'Paris' }])
    expect(runner.messages.map(({ role }) => role)).toEqual(['user', 'assistant', 'tool', 'assistant'])
    expect(content).not.toBe('')
  })
})

describe('leaving', () => {
  const endless = {
    model: 'tiny',
    messages,
    max_tokens: 1500,
    stream: true as const,
    n: 2,
    logit_bias: noEnd(),
  }

  test('a loop that is left ends the answer', async () => {
    for await (const chunk of await client.chat.completions.create(endless)) if (chunk.choices[0]) break
    await eventually(isIdle, 'the end of the answer')
  })

  test('an aborted signal ends the answer, streamed or not', async () => {
    for (const stream of [true, false]) {
      const controller = new AbortController()
      const request = { ...endless, stream } as OpenAI.ChatCompletionCreateParamsNonStreaming
      const answer = client.chat.completions.create(request, { signal: controller.signal })
      answer.catch(() => {})
      await eventually(() => served.model.stats().active === 2, 'the beginning of the answer')
      controller.abort()
      await eventually(isIdle, 'the end of the answer')
    }
  })
})

/** No token ends a text. */
function noEnd(): Record<string, number> {
  return { '5111': -100, '5113': -100 }
}

describe('errors', () => {
  test('have their classes, codes and params', async () => {
    const unknown = client.chat.completions.create({ ...greedy, model: 'nobody', messages })
    await expect(unknown).rejects.toBeInstanceOf(NotFoundError)
    await expect(unknown).rejects.toMatchObject({ status: 404, code: 'model_not_found', param: 'model' })

    const formatted = client.chat.completions.create({
      ...greedy,
      messages,
      response_format: { type: 'json_object' },
    })
    await expect(formatted).rejects.toBeInstanceOf(BadRequestError)
    await expect(formatted).rejects.toMatchObject({ code: 'unsupported', param: 'response_format' })

    const long = client.completions.create({ ...greedy, prompt: 'word '.repeat(5000) })
    await expect(long).rejects.toMatchObject({ code: 'context_length_exceeded', param: 'prompt' })
    expect((await long.catch((error) => error)).requestID).toMatch(/^req_/)
  })

  test('a full queue is a RateLimitError that says when to try again', async () => {
    const model = await load(undefined, { threads: 1, maxQueue: 1, kvCache: { maxBytes: 2 ** 20 } })
    const server = await serve({ models: { small: model }, port: 0, log: 'off' })
    const busy = new OpenAI({ baseURL: `${server.url}/v1`, apiKey: 'none', maxRetries: 0 })
    const request = { model: 'small', prompt, max_tokens: 200, logit_bias: noEnd() }
    const answers = await Promise.allSettled(
      Array.from({ length: 40 }, () => busy.completions.create(request)),
    )
    const refused = answers.flatMap((answer) => (answer.status === 'rejected' ? [answer.reason] : []))
    expect(refused.length).toBeGreaterThan(0)
    for (const error of refused) {
      expect(error).toBeInstanceOf(RateLimitError)
      expect(error).toMatchObject({ status: 429, code: 'rate_limit_exceeded' })
      expect(error.headers.get('retry-after')).toBe('1')
    }
    await server.close()
    await model.close()
  })
})
