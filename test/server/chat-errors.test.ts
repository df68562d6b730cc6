import { describe, expect, test } from 'vitest'
import { expectLittleWork } from '../promptly.js'
import { type Json, json, post } from './requests.js'
import { tinyApp } from './tiny-app.js'

const { app } = await tinyApp({ maxTokens: 512, log: 'off' })

const chat = async (body: unknown) => post(app, '/v1/chat/completions', body)
const weather = {
  type: 'function',
  function: {
    name: 'get_weather',
    parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
  },
}

async function errorOf(body: unknown): Promise<Json> {
  const response = await chat(body)
  return { status: response.status, ...(await json(response)).error }
}

describe('what is wrong is named', () => {
  const user = { role: 'user', content: 'x' }
  const image = { type: 'image_url', image_url: { url: 'data:image/png;base64,' } }
  const wrong: [object, string, string | null][] = [
    [{ messages: [] }, 'messages', null],
    [{ messages: undefined }, 'messages', null],
    [{ messages: 'x' }, 'messages', null],
    [{ messages: [{ role: 'wizard', content: 'x' }] }, 'messages[0].role', null],
    [{ messages: [user, { role: 'user' }] }, 'messages[1].content', null],
    [{ messages: [{ role: 'user', content: [image] }] }, 'messages[0].content[0]', 'unsupported'],
    [
      { messages: [{ role: 'user', content: [{ type: 'input_audio' }] }] },
      'messages[0].content[0]',
      'unsupported',
    ],
    [{ messages: [{ ...user, mood: 'glad' }] }, 'messages[0].mood', null],
    [{ messages: [{ role: 'tool', content: '1' }] }, 'messages[0].tool_call_id', null],
    [{ messages: [{ role: 'assistant' }] }, 'messages', 'invalid_input'],
    [{ messages: Array.from({ length: 2049 }, () => user) }, 'messages', null],
    [{ messages: [{ role: 'user', content: 'x '.repeat(9000) }] }, 'messages', 'context_length_exceeded'],
    [{ tools: [{ type: 'custom', custom: {} }] }, 'tools[0].type', 'unsupported'],
    [{ tools: [{ type: 'function', function: { name: 'a b' } }] }, 'tools[0].function.name', null],
    [{ tools: [weather, weather] }, 'tools', 'invalid_option'],
    [
      { tools: [{ ...weather, function: { ...weather.function, strict: true } }] },
      'tools[0].function.strict',
      'unsupported',
    ],
    [{ tools: [weather], tool_choice: 'required' }, 'tool_choice', 'unsupported'],
    [
      { tools: [weather], tool_choice: { type: 'function', function: { name: 'get_weather' } } },
      'tool_choice',
      'unsupported',
    ],
    [{ response_format: { type: 'json_object' } }, 'response_format', 'unsupported'],
    [
      { response_format: { type: 'json_schema', json_schema: { name: 'a', schema: {} } } },
      'response_format',
      'unsupported',
    ],
    [{ modalities: ['text', 'audio'] }, 'modalities', 'unsupported'],
    [{ functions: [{ name: 'a' }] }, 'functions', 'unsupported'],
    [{ reasoning_effort: 'high' }, 'reasoning_effort', 'unsupported'],
    [{ reasoning_effort: 'some' }, 'reasoning_effort', null],
    [{ top_logprobs: 2 }, 'top_logprobs', null],
    [{ logprobs: true, top_logprobs: 21 }, 'top_logprobs', null],
    [{ max_completion_tokens: 513 }, 'max_completion_tokens', null],
    [{ max_tokens: 5, max_completion_tokens: 6 }, 'max_tokens', null],
    [{ max_tokens: 0 }, 'max_tokens', null],
    [{ chat_template_kwargs: { messages: [] } }, 'chat_template_kwargs', 'invalid_option'],
    [{ stream_options: { include_usage: true } }, 'stream_options', null],
    [{ n: 257 }, 'n', null],
  ]
  test.each(wrong)('%j', async (given, param, code) => {
    const error = await errorOf({ messages: [user], ...given })
    expect(error).toMatchObject({ status: 400, type: 'invalid_request_error', param, code })
    expect(error.message).toContain(param)
  })

  test('what changes nothing is taken', async () => {
    const harmless = {
      user: 'me',
      store: false,
      metadata: {},
      service_tier: 'auto',
      safety_identifier: 'me',
      prompt_cache_key: 'k',
      parallel_tool_calls: true,
      tool_choice: 'auto',
      response_format: { type: 'text' },
      modalities: ['text'],
      reasoning_effort: 'none',
      max_completion_tokens: 60,
      stream_options: null,
    }
    const greedy = { messages: [user], temperature: 0, max_tokens: 60 }
    const { choices } = await json(chat({ ...greedy, ...harmless }))
    expect(choices).toEqual((await json(chat(greedy))).choices)
  })
})

test('a body of 150,000 wrong parts is looked at within milliseconds', async () => {
  const content = Array.from({ length: 256 }, () => ({ type: 'text', tex: '' }))
  const body = { messages: Array.from({ length: 600 }, () => ({ role: 'user', content })) }
  await expectLittleWork(300, async () =>
    expect(await errorOf(body)).toMatchObject({ status: 400, param: 'messages' }),
  )
})
