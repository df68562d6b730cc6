import { expect, test } from 'vitest'
import { ChatReplyReader, type ReplyShape } from '../../lib/chat/reply-reader.js'

const call = '<tool_call>\n{"name": "f", "arguments": {"a": 1}}\n</tool_call>'

function read(shape: ReplyShape, pieces: Iterable<string>) {
  const reader = new ChatReplyReader(shape)
  return [...[...pieces].flatMap((piece) => reader.push(piece)), ...reader.end()]
}

test('thinks, speaks, then calls', () => {
  const output = `<think>\nHm.\n</think>\n\nLet me see.\n${call}`
  expect(read({ reasoning: 'possible', toolCalls: 'hermes' }, [output])).toEqual([
    { type: 'reasoning-delta', text: 'Hm.' },
    { type: 'text-delta', text: 'Let me see.' },
    { type: 'tool-call', id: expect.stringMatching(/^[a-z0-9]{9}$/), name: 'f', arguments: '{"a": 1}' },
  ])
})

test('a call within reasoning is no call', () => {
  const output = `<think>${call}</think>ok`
  expect(read({ reasoning: 'possible', toolCalls: 'hermes' }, [output])).toEqual([
    { type: 'reasoning-delta', text: call },
    { type: 'text-delta', text: 'ok' },
  ])
})

test('without tools nothing is a call, without reasoning nothing is thought', () => {
  const output = `<think>a</think>${call}`
  const text = read({ reasoning: 'none' }, output).map((event) =>
    event.type === 'text-delta' ? event.text : '?',
  )
  expect(text.join('')).toBe(output)
})

test("a model's own ids stay", () => {
  expect(
    read({ reasoning: 'none', toolCalls: 'mistral' }, '[TOOL_CALLS] [{"name": "f", "id": "abc"}]'),
  ).toEqual([{ type: 'tool-call', id: 'abc', name: 'f', arguments: '{}' }])
})

test('every call has an id of its own', () => {
  const ids = read({ reasoning: 'none', toolCalls: 'hermes' }, [call + call]).map((event) =>
    event.type === 'tool-call' ? event.id : '',
  )
  expect(new Set(ids).size).toBe(2)
})
