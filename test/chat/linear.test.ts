// A reply of twice the length takes twice the time to read, whatever it holds and however it comes.
import { describe, test } from 'vitest'
import { ChatReplyReader, type ReplyShape } from '../../lib/chat/reply-reader.js'
import type { ToolCallFormat } from '../../lib/chat/tool-call-parser.js'
import { expectLinear } from '../linear.js'

/** A beginning, then the same piece over and over. */
const thinking: [reasoning: ReplyShape['reasoning'], beginning: string, piece: string][] = [
  ['possible', '', ' '],
  ['possible', '', '    \n'],
  ['possible', '<think>', '\n'],
  ['possible', '<think>', 'a\n'],
  ['possible', '<think>a</think>', '\n'],
  ['open', '', '\n\n\n\n'],
  ['open', 'a', '\n'],
  ['open', '', '</think'],
  ['open', '', '\n<'],
]

const calling: [format: ToolCallFormat, beginning: string, piece: string][] = [
  ['hermes', '', ' '],
  ['hermes', '', '<tool_call'],
  ['hermes', '', '<tool_call>'],
  ['hermes', '', '<tool_call>{'],
  ['hermes', '', '<tool_call>{"'],
  ['hermes', '', '<tool_call>{"a":"'],
  ['hermes', '', '<tool_call>{"a":"\\"'],
  ['hermes', '', '<tool_call>{"a'],
  ['hermes', '', '<tool_call>{"a":['],
  ['hermes', '{"a":"', '<tool_call>{}'],
  ['hermes', '<tool_call>{"a":"', '<tool_call>{'],
  ['hermes', '<tool_call>', ' '],
  ['hermes', '<tool_call>', '{"a":'],
  ['hermes', '<tool_call>{"name":"a","arguments":{"x":"', 'aaaa '],
  ['hermes', '<tool_call>{"name":"a"}', ' '],
  ['hermes', '<tool_call>{bad', ' a'],
  ['hermes', '', '<tool_call>{"name":"a","arguments":{}}</tool_call>'],
  ['hermes', '', '<tool_call>{"name":"a","arguments":{}}</tool_call>\n'],
  ['llama3-json', '', ' '],
  ['llama3-json', '', '{"name":'],
  ['llama3-json', '', '{'],
  ['llama3-json', '{"name":"a","parameters":{"x":"', 'aaaa '],
  ['llama3-json', '{"name":"a"}', ';{"name":"a"}'],
  ['llama3-json', '<|python_tag|>', '{"'],
  ['llama3-json', '<|python_tag|>', ' '],
  ['llama3-json', '<|python_tag|>f.call(', 'a="'],
  ['llama3-json', '<|python_tag|>f.call(', '" , a'],
  ['mistral', '', ' '],
  ['mistral', '', '[TOOL_CALLS'],
  ['mistral', '[TOOL_CALLS]', '[{"name":'],
  ['mistral', '[TOOL_CALLS] [{"name":"a","arguments":{"x":"', 'aaaa '],
  ['mistral', '[TOOL_CALLS] [{"name":"a"}', ',{"name":"a"}'],
  ['mistral', '[TOOL_CALLS] [{"name":"a"}', ' '],
]

/** Each of these begins anew within those before it. */
const blocksWithinBlocks = calling.filter(
  ([, beginning, piece]) => beginning === '' && piece.startsWith('<tool_call>'),
)

const pieces = 10_000

function readPieces(shape: ReplyShape, beginning: string, piece: string, count: number): void {
  const reader = new ChatReplyReader(shape)
  reader.push(beginning)
  for (let i = 0; i < count; i++) reader.push(piece)
  reader.end()
}

describe('what a model thinks', () => {
  test.each(thinking)('%s %j %j', async (reasoning, beginning, piece) => {
    await expectLinear(pieces, (count) => readPieces({ reasoning }, beginning, piece, count))
  })
})

describe('what it calls', () => {
  test.each(calling)('%s %j %j', async (toolCalls, beginning, piece) => {
    await expectLinear(pieces, (count) =>
      readPieces({ reasoning: 'none', toolCalls }, beginning, piece, count),
    )
  })

  test.each(blocksWithinBlocks)('%s %j %j, at once', async (toolCalls, beginning, piece) => {
    await expectLinear(pieces, (count) =>
      readPieces({ reasoning: 'none', toolCalls }, '', beginning + piece.repeat(count), 1),
    )
  })
})
