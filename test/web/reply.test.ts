import { expect, test } from 'vitest'
import { EventReader } from '../../web/src/api/sse.ts'
import { languageOf } from '../../web/src/i18n/languages.ts'
import { Reply } from '../../web/src/state/reply.ts'
import { assistant } from './messages.ts'

const nothing = { text: '', reasoning: '', calls: [], finishReason: undefined, usage: undefined }

test('events are read however they are cut', () => {
  const stream = 'data: {"a":1}\n\n: keep-alive\n\ndata: {"b":"ü"}\r\n\r\ndata: [DONE]\n\n'
  for (let size = 1; size < stream.length; size++) {
    const reader = new EventReader()
    const read: string[] = []
    for (let at = 0; at < stream.length; at += size) read.push(...reader.push(stream.slice(at, at + size)))
    expect(read).toEqual(['{"a":1}', '{"b":"ü"}', '[DONE]'])
  }
})

test('a reply is put together from its pieces, and told how fast it came', () => {
  let now = 1000
  const reply = new Reply(assistant('', { end: 'writing' }), () => now)
  reply.take({ ...nothing, reasoning: 'Hm' })
  now = 2000
  reply.take({ ...nothing, text: 'Hel' })
  now = 3000
  reply.take({ ...nothing, text: 'lo' })
  expect(reply.message.tokensPerSecond).toBe(1)
  reply.take({ ...nothing, finishReason: 'stop' })
  reply.take({ ...nothing, usage: { promptTokens: 5, completionTokens: 21 } })
  expect(reply.ended()).toMatchObject({ content: 'Hello', reasoning: 'Hm', end: 'stop', tokensPerSecond: 10 })
  expect(reply.ended('failed', 'unreachable')).toMatchObject({
    content: 'Hello',
    end: 'failed',
    error: 'unreachable',
  })
})

test('an answer of less than a blink has a speed when its tokens have been counted', () => {
  let now = 1000
  const reply = new Reply(assistant('', { end: 'writing' }), () => now)
  for (; now < 1050; now += 10) reply.take({ ...nothing, text: 'a' })
  expect(reply.message.tokensPerSecond).toBeUndefined()
  reply.take({ ...nothing, usage: { promptTokens: 5, completionTokens: 201 } })
  expect(reply.ended().tokensPerSecond).toBe(5000)

  const atOnce = new Reply(assistant(''), () => 1000)
  atOnce.take({ ...nothing, text: 'a' })
  atOnce.take({ ...nothing, text: 'b', usage: { promptTokens: 5, completionTokens: 201 } })
  expect(atOnce.ended().tokensPerSecond).toBeUndefined()
})

test('calls of tools are put together', () => {
  const reply = new Reply(assistant(''))
  reply.take({ ...nothing, calls: [{ index: 0, id: 'a', function: { name: 'f', arguments: '' } }] })
  reply.take({ ...nothing, calls: [{ index: 0, function: { arguments: '{"x"' } }] })
  reply.take({
    ...nothing,
    calls: [{ index: 0, function: { arguments: ':1}' } }],
    finishReason: 'tool_calls',
  })
  expect(reply.ended()).toMatchObject({
    end: 'tool_calls',
    calls: [{ id: 'a', name: 'f', arguments: '{"x":1}' }],
  })
})

test('the first language that is spoken here is taken, but a choice counts more', () => {
  expect(languageOf(null, ['zh-CN', 'en'])).toBe('zh')
  expect(languageOf(null, ['fr', 'en-GB', 'zh'])).toBe('en')
  expect(languageOf(null, ['fr'])).toBe('en')
  expect(languageOf('zh', ['en'])).toBe('zh')
})
