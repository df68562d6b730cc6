// The package `@anthropic-ai/sdk`, as its users use it.
import Anthropic, { type APIError, BadRequestError, NotFoundError } from '@anthropic-ai/sdk'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { eventually } from '../eventually.js'
import { type Served, serveTiny } from './served.js'
import { weatherAnswer, weatherParameters, weatherQuestion, weatherTool } from './weather.js'

let served: Served
let client: Anthropic

beforeAll(async () => {
  served = await serveTiny({ maxTokens: 500, log: 'off' })
  client = new Anthropic({ baseURL: served.baseURL.replace(/\/v1$/, ''), apiKey: 'none', maxRetries: 0 })
})
afterAll(() => served.close())

const question: Anthropic.MessageParam[] = [{ role: 'user', content: weatherQuestion }]
const greedy = { model: 'tiny', max_tokens: 80, messages: question, temperature: 0 }
const { name, description } = weatherTool.function
const tools: Anthropic.Tool[] = [{ name, description, input_schema: weatherParameters }]

function textOf({ content }: Anthropic.Message): string {
  return content.map((block) => (block.type === 'text' ? block.text : '')).join('')
}

test('a message', async () => {
  const message = await client.messages.create({ ...greedy, system: 'Be terse.' })
  expect(textOf(message)).not.toBe('')
  expect(message).toMatchObject({ role: 'assistant', model: 'tiny', stop_reason: 'end_turn' })
  expect(message.usage.output_tokens).toBeGreaterThan(0)
  expect(message._request_id).toMatch(/^req_/)
})

describe('a stream', () => {
  test('gives text as it comes, and the same message at the end', async () => {
    const whole = await client.messages.create(greedy)
    const stream = client.messages.stream(greedy)
    let text = ''
    stream.on('text', (delta) => {
      text += delta
    })
    const message = await stream.finalMessage()
    expect(text).toBe(textOf(whole))
    expect(message.content).toEqual(whole.content)
    expect(message.stop_reason).toBe('end_turn')
    expect(message.usage.output_tokens).toBe(whole.usage.output_tokens)
  })

  test('is events, one after the other', async () => {
    const types: string[] = []
    for await (const event of await client.messages.create({ ...greedy, stream: true })) {
      types.push(event.type)
    }
    expect(types[0]).toBe('message_start')
    expect(types.at(-1)).toBe('message_stop')
    expect(types).toContain('content_block_delta')
  })

  test('that is left ends the generation', async () => {
    const stream = client.messages.stream({ ...greedy, max_tokens: 500, temperature: 1 })
    await new Promise<void>((resolve) => stream.once('text', () => resolve()))
    stream.abort()
    await expect(stream.finalMessage()).rejects.toBeInstanceOf(Anthropic.APIUserAbortError)
    await eventually(() => served.model.stats().active === 0, 'the engine is idle')
  })
})

describe('a tool', () => {
  test('is called, and its result answered', async () => {
    const call = await client.messages.create({ ...greedy, tools })
    expect(call.stop_reason).toBe('tool_use')
    const use = call.content.find((block) => block.type === 'tool_use')
    expect(use).toMatchObject({ name: 'get_weather', input: { city: 'Paris' } })
    const messages: Anthropic.MessageParam[] = [
      ...question,
      { role: 'assistant', content: call.content },
      {
        role: 'user',
        content: [{ type: 'tool_result', tool_use_id: use?.id ?? '', content: weatherAnswer }],
      },
    ]
    expect(textOf(await client.messages.create({ ...greedy, tools, messages }))).toContain('Paris')
  })

  test('is called in a stream', async () => {
    const message = await client.messages.stream({ ...greedy, tools }).finalMessage()
    expect(message.content).toMatchObject([
      { type: 'tool_use', name: 'get_weather', input: { city: 'Paris' } },
    ])
  })
})

test('tokens are counted', async () => {
  const { input_tokens } = await client.messages.countTokens({ model: 'tiny', messages: question, tools })
  const { usage } = await client.messages.create({ ...greedy, tools })
  expect(input_tokens).toBe(usage.input_tokens + (usage.cache_read_input_tokens ?? 0))
})

test('errors have the classes that the package has for them', async () => {
  const missing = client.messages.create({ ...greedy, model: 'claude' })
  await expect(missing).rejects.toBeInstanceOf(NotFoundError)
  const tooMany = client.messages.create({ ...greedy, max_tokens: 501 })
  await expect(tooMany).rejects.toBeInstanceOf(BadRequestError)
  await expect(tooMany).rejects.toThrow('at most 500')
  const error = await missing.catch((thrown: unknown) => thrown as APIError)
  expect(error).toMatchObject({ status: 404, type: 'not_found_error', requestID: expect.any(String) })
})
