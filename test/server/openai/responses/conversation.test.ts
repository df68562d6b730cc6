// Items of the Responses API as conversations of this library.
import { expect, test } from 'vitest'
import { messagesOf } from '../../../../lib/server/openai/responses/conversation.js'
import { inputItems } from '../../../../lib/server/openai/responses/items.js'

const messages = (...items: object[]) => messagesOf(inputItems.parse(items))

test('a text is what the user says', () => {
  expect(messagesOf('Hello!')).toEqual([{ role: 'user', content: 'Hello!' }])
})

test('messages, with or without a type, of text or of parts', () => {
  expect(
    messages(
      { role: 'developer', content: 'Be terse.' },
      {
        type: 'message',
        role: 'user',
        content: [
          { type: 'input_text', text: 'Hel' },
          { type: 'input_text', text: 'lo!' },
        ],
      },
      {
        id: 'msg_1',
        type: 'message',
        role: 'assistant',
        status: 'completed',
        content: [{ type: 'output_text', text: 'Hi!', annotations: [], logprobs: [] }],
      },
    ),
  ).toEqual([
    { role: 'developer', content: 'Be terse.' },
    { role: 'user', content: 'Hello!' },
    { role: 'assistant', content: 'Hi!' },
  ])
})

test('what an assistant thinks, says and calls is one message, and a result knows its function', () => {
  const call = (id: string, name: string) => ({
    type: 'function_call',
    call_id: `call_${id}`,
    name,
    arguments: '{}',
  })
  const made = (id: string, name: string) => ({ id, type: 'function', function: { name, arguments: '{}' } })
  expect(
    messages(
      {
        type: 'reasoning',
        id: 'rs_1',
        summary: [],
        content: [{ type: 'reasoning_text', text: 'A tool knows.' }],
      },
      { role: 'assistant', content: 'I look.' },
      call('a1', 'now'),
      call('b2', 'here'),
      { type: 'function_call_output', call_id: 'call_a1', output: 'noon' },
      {
        type: 'function_call_output',
        call_id: 'call_b2',
        output: [{ type: 'input_text', text: 'Paris' }],
      },
    ),
  ).toEqual([
    {
      role: 'assistant',
      content: 'I look.',
      reasoning_content: 'A tool knows.',
      tool_calls: [made('a1', 'now'), made('b2', 'here')],
    },
    { role: 'tool', tool_call_id: 'a1', name: 'now', content: 'noon' },
    { role: 'tool', tool_call_id: 'b2', name: 'here', content: 'Paris' },
  ])
})

test('going on leaves what was before as it was', () => {
  const before = [{ role: 'assistant' as const, content: 'One' }]
  const after = messagesOf(inputItems.parse([{ role: 'assistant', content: ', two' }]), before)
  expect(after).toEqual([{ role: 'assistant', content: 'One, two' }])
  expect(before).toEqual([{ role: 'assistant', content: 'One' }])
})
