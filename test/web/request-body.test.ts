// What a model is told of a conversation, whatever happened in it.
import { expect, test } from 'vitest'
import { requestBody, turns } from '../../web/src/conversation/request-body.ts'
import { assistant, conversationOf, tool, user } from './messages.ts'

const roles = (messages: Parameters<typeof turns>[0], system = '') =>
  turns(messages, system).map(({ role }) => role)

test('a system prompt comes first, if there is one', () => {
  expect(roles([user('hi')], 'be kind')).toEqual(['system', 'user'])
  expect(roles([user('hi')], '  ')).toEqual(['user'])
})

test('an answer that was cut off counts as far as it goes', () => {
  const cut = assistant('It was', { end: 'failed', error: 'unreachable' })
  expect(turns([user('a'), cut, user('b')], '')).toEqual([
    { role: 'user', content: 'a' },
    { role: 'assistant', content: 'It was' },
    { role: 'user', content: 'b' },
  ])
})

test('an empty answer is left out, and the questions around it become one', () => {
  const empty = assistant('', { end: 'failed' })
  expect(turns([user('a'), empty, user('b')], '')).toEqual([{ role: 'user', content: 'a\n\nb' }])
})

test('calls count where they are whole and were answered', () => {
  const call = { id: 'call_1', name: 'weather', arguments: '{"city":"Paris"}' }
  const asked = assistant('', { calls: [call], end: 'tool_calls' })
  expect(roles([user('a'), asked, tool('call_1', 'sunny'), assistant('Sunny.')])).toEqual([
    'user',
    'assistant',
    'tool',
    'assistant',
  ])
  expect(roles([user('a'), asked, user('never mind')])).toEqual(['user'])
  const torn = assistant('', { calls: [{ ...call, arguments: '{"city":"Par' }], end: 'stopped' })
  expect(roles([user('a'), torn, tool('call_1', 'sunny')])).toEqual(['user'])
})

test('what an import begins with an answer is left out', () => {
  expect(roles([assistant('hello'), user('hi')], 'system')).toEqual(['system', 'user'])
})

test('user and assistant take turns, whatever was cut off', () => {
  const kinds = [
    () => user('q'),
    () => assistant('a'),
    () => assistant('', { end: 'failed' }),
    () => assistant('', { end: 'stopped', calls: [{ id: 'x', name: 'f', arguments: '{' }] }),
  ]
  for (let seed = 0; seed < 4 ** 5; seed++) {
    const messages = [0, 1, 2, 3, 4].map((place) =>
      (kinds[Math.floor(seed / 4 ** place) % 4] as () => ReturnType<typeof user>)(),
    )
    const told = roles(messages)
    expect(told[0] ?? 'user').toBe('user')
    for (const [i, role] of told.entries()) if (i > 0) expect(role).not.toBe(told[i - 1])
  }
})

test('only what is set is asked for', () => {
  const plain = conversationOf([user('hi')])
  expect(requestBody(plain)).toEqual({
    messages: [{ role: 'user', content: 'hi' }],
    stream: true,
    stream_options: { include_usage: true },
  })
  const settings = {
    ...plain.settings,
    model: 'm',
    temperature: 0,
    topP: 0.5,
    maxTokens: 9,
    seed: 7,
    tools: '[{"type":"function"}]',
  }
  expect(requestBody({ ...plain, settings })).toMatchObject({
    model: 'm',
    temperature: 0,
    top_p: 0.5,
    max_tokens: 9,
    seed: 7,
    tools: [{ type: 'function' }],
  })
})
