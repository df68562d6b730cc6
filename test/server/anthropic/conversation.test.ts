// Anthropic's messages as conversations of this library.
import { expect, test } from 'vitest'
import { conversationOf } from '../../../lib/server/anthropic/conversation.js'
import { countTokensBody } from '../../../lib/server/anthropic/messages-body.js'

const conversation = (body: object) => conversationOf(countTokensBody.parse(body))
const messagesOf = (...messages: object[]) => conversation({ messages }).messages

const input_schema = { type: 'object', properties: { city: { type: 'string' } } }
const call = { type: 'tool_use', id: 'toolu_a1b2c3d4e', name: 'get_weather', input: { city: 'Paris' } }

test('texts are texts, and the system speaks first', () => {
  const messages = [
    { role: 'user', content: 'Hello!' },
    { role: 'assistant', content: 'Hi!' },
    {
      role: 'user',
      content: [
        { type: 'text', text: 'And ' },
        { type: 'text', text: 'now?' },
      ],
    },
  ]
  expect(conversation({ system: 'Be terse.', messages }).messages).toEqual([
    { role: 'system', content: 'Be terse.' },
    { role: 'user', content: 'Hello!' },
    { role: 'assistant', content: 'Hi!' },
    {
      role: 'user',
      content: [
        { type: 'text', text: 'And ' },
        { type: 'text', text: 'now?' },
      ],
    },
  ])
  const system = [
    { type: 'text', text: 'Be ', cache_control: { type: 'ephemeral' } },
    { type: 'text', text: 'terse.' },
  ]
  expect(conversation({ system, messages }).messages[0]).toEqual({ role: 'system', content: 'Be terse.' })
})

test('a call, its answer, and what the user says to it', () => {
  const answer = { type: 'tool_result', tool_use_id: call.id, content: [{ type: 'text', text: '21 °C' }] }
  expect(
    messagesOf(
      { role: 'user', content: 'Weather in Paris?' },
      {
        role: 'assistant',
        content: [
          { type: 'thinking', thinking: 'A tool knows.', signature: 'x' },
          { type: 'text', text: 'I look.' },
          call,
        ],
      },
      { role: 'user', content: [answer, { type: 'text', text: 'Go on.' }] },
    ),
  ).toEqual([
    { role: 'user', content: 'Weather in Paris?' },
    {
      role: 'assistant',
      content: 'I look.',
      reasoning_content: 'A tool knows.',
      tool_calls: [
        {
          id: 'a1b2c3d4e',
          type: 'function',
          function: { name: 'get_weather', arguments: { city: 'Paris' } },
        },
      ],
    },
    { role: 'tool', tool_call_id: 'a1b2c3d4e', name: 'get_weather', content: '21 °C' },
    { role: 'user', content: [{ type: 'text', text: 'Go on.' }] },
  ])
})

test('an answer without content is an empty one, and of a call that is not there', () => {
  expect(
    messagesOf({ role: 'user', content: [{ type: 'tool_result', tool_use_id: 'toolu_unknown' }] }),
  ).toEqual([{ role: 'tool', tool_call_id: 'unknown', content: '' }])
})

test('turns of one speaker are one', () => {
  expect(
    messagesOf(
      { role: 'user', content: 'One.' },
      { role: 'user', content: [{ type: 'text', text: 'Two.' }] },
      { role: 'assistant', content: 'Three, ' },
      { role: 'assistant', content: [{ type: 'text', text: 'four.' }, call] },
    ),
  ).toMatchObject([
    {
      role: 'user',
      content: [
        { type: 'text', text: 'One.' },
        { type: 'text', text: 'Two.' },
      ],
    },
    { role: 'assistant', content: 'Three, four.', tool_calls: [{ id: 'a1b2c3d4e' }] },
  ])
})

test('an assistant that speaks last has begun the answer', () => {
  const messages = [
    { role: 'user', content: 'Name a colour.' },
    { role: 'assistant', content: 'Bl' },
  ]
  expect(conversation({ messages }).continueFinalMessage).toBe(true)
  expect(conversation({ messages: messages.slice(0, 1) }).continueFinalMessage).toBe(false)
})

test('tools, unless there is to be none', () => {
  const messages = [{ role: 'user', content: 'Hi' }]
  const tools = [{ name: 'get_weather', description: 'The weather', input_schema, type: 'custom' }]
  expect(conversation({ messages, tools, tool_choice: { type: 'auto' } }).tools).toEqual([
    { name: 'get_weather', description: 'The weather', parameters: input_schema },
  ])
  expect(conversation({ messages, tools, tool_choice: { type: 'none' } }).tools).toBeUndefined()
})

test('thinking is a variable of the template', () => {
  const variables = (thinking?: object) =>
    conversation({ messages: [{ role: 'user', content: 'Hi' }], thinking }).templateVariables
  expect(variables()).toBeUndefined()
  expect(variables({ type: 'disabled' })).toEqual({ enable_thinking: false })
  expect(variables({ type: 'enabled', budget_tokens: 1024 })).toEqual({ enable_thinking: true })
})
