// Tool calls in a model's output: the golden cases, however they are cut, and what no output may do.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type ToolCallFormat, ToolCallParser } from '../../lib/chat/tool-call-parser.js'
import { goldenPath, goldensPresent, readJsonLines, requireGoldens } from '../golden.js'
import { expectLittleWork } from '../promptly.js'

interface ToolCallRecord {
  id: string
  format: ToolCallFormat
  text: string
  content: string | null
  calls: { name: string; arguments: string; id?: string }[]
  malformed: number
}

const call = '{"name": "get_weather", "arguments": {"city": "Paris"}}'
const small: ToolCallRecord[] = [
  {
    id: 'text around',
    format: 'hermes',
    text: `A\n<tool_call>\n${call}\n</tool_call>\nB <tool_call> C <tool_call>{bad}</tool_call> `,
    content: 'A\nB <tool_call> C <tool_call>{bad}</tool_call> ',
    calls: [{ name: 'get_weather', arguments: '{"city": "Paris"}' }],
    malformed: 1,
  },
  {
    id: 'two objects',
    format: 'llama3-json',
    text: `<|python_tag|>${call}; ${call}`,
    content: null,
    calls: [JSON.parse(call), JSON.parse(call)].map(({ name }) => ({ name, arguments: '{"city": "Paris"}' })),
    malformed: 0,
  },
  {
    id: 'with an id',
    format: 'mistral',
    text: 'One moment.\n[TOOL_CALLS] [{"name": "f", "id": "a1"}]',
    content: 'One moment.',
    calls: [{ name: 'f', arguments: '{}', id: 'a1' }],
    malformed: 0,
  },
]

test('what is nested too deeply is no call', () => {
  const nested = (depth: number) => `${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`
  const output = (depth: number) => `<tool_call>{"name": "f", "arguments": ${nested(depth)}}</tool_call>`
  expect(parse('hermes', [output(90)]).toolCalls).toHaveLength(1)
  expect(parse('hermes', [output(20_000)])).toMatchObject({
    toolCalls: [],
    content: output(20_000),
    malformed: 1,
  })
})

function parse(format: ToolCallFormat, pieces: Iterable<string>) {
  const parser = new ToolCallParser(format)
  const events = [...pieces].flatMap((piece) => parser.push(piece))
  const { events: last, ...end } = parser.end()
  return { events: [...events, ...last], ...end }
}

function cut(text: string, places: number[]): string[] {
  const cuts = [...new Set(places.map((place) => place % (text.length + 1)))].sort((a, b) => a - b)
  return [...cuts, text.length].map((end, i) => text.slice(i === 0 ? 0 : cuts[i - 1], end))
}

function expectRecord(record: ToolCallRecord, pieces: Iterable<string>): void {
  const { events, content, toolCalls, malformed } = parse(record.format, pieces)
  const comparable = (calls: ToolCallRecord['calls']) =>
    calls.map(({ name, id, arguments: text }) => ({ name, id, arguments: JSON.parse(text) }))
  expect(content, record.id).toBe(record.content)
  expect(comparable(toolCalls), record.id).toEqual(comparable(record.calls))
  expect(malformed, record.id).toBe(record.malformed)
  const texts = events.flatMap((event) => (event.type === 'text-delta' ? [event.text] : []))
  expect(texts.join(''), record.id).toBe(record.content ?? '')
  const calls = events.flatMap(({ type, ...event }) => (type === 'tool-call' ? [event] : []))
  expect(calls, record.id).toEqual(toolCalls)
}

requireGoldens()

const golden = goldensPresent ? readJsonLines<ToolCallRecord>(goldenPath('chat', 'tool-calls.jsonl')) : []
const records = [...small, ...golden]

describe.each(['hermes', 'llama3-json', 'mistral'] as const)('%s', (format) => {
  const own = records.filter((record) => record.format === format)

  test('whole', () => {
    for (const record of own) expectRecord(record, [record.text])
  })

  test('unit by unit', () => {
    for (const record of own) expectRecord(record, record.text.split(''))
  })

  test('randomly cut', () => {
    const places = fc.array(fc.nat(2000), { maxLength: 12 })
    for (const record of own) {
      fc.assert(
        fc.property(places, (chosen) => expectRecord(record, cut(record.text, chosen))),
        { numRuns: 20 },
      )
    }
  })

  test('any output gives the same result whole and in pieces, and loses no text where there are no calls', () => {
    const parts = fc.constantFrom(
      '<tool_call>',
      '</tool_call>',
      call,
      '{',
      '}',
      '"',
      '\\',
      ' ',
      '\n',
      'x',
      '[TOOL_CALLS]',
      '[',
      ']',
      ',',
      ';',
      '<|python_tag|>',
      'f.call(a="b")',
      '</tool',
      '<',
    )
    fc.assert(
      fc.property(fc.array(parts, { maxLength: 12 }), (chosen) => {
        const text = chosen.join('')
        const { events: _, ...whole } = parse(format, [text])
        const { events: __, ...pieces } = parse(format, text)
        expect(pieces).toEqual(whole)
        if (whole.toolCalls.length === 0) expect(whole.content ?? '').toBe(text)
      }),
      { numRuns: 1000 },
    )
  })
})

test('text comes at once, unless it may become a call', () => {
  const parser = new ToolCallParser('hermes')
  expect(parser.push('Let me check.\n<tool_')).toEqual([{ type: 'text-delta', text: 'Let me check.' }])
  expect(parser.push('box>')).toEqual([{ type: 'text-delta', text: '\n<tool_box>' }])
})

test('numbers keep their digits', () => {
  const { toolCalls } = parse('hermes', [
    '<tool_call>{"name": "f", "arguments": {"id": 12345678901234567890, "x": 1.0}}</tool_call>',
  ])
  expect(toolCalls).toEqual([{ name: 'f', arguments: '{"id": 12345678901234567890, "x": 1.0}' }])
})

describe('JSON that no tag marks as a call', () => {
  const calls = (text: string, toolNames?: readonly string[]) => {
    const parser = new ToolCallParser('llama3-json', { toolNames })
    const pieces = text.split('').flatMap((piece) => parser.push(piece))
    const { events, content, toolCalls } = parser.end()
    expect([...pieces, ...events].some((event) => event.type === 'text-delta' && event.text === '')).toBe(
      false,
    )
    expect(content).toBe(toolCalls.length === 0 ? text : null)
    return toolCalls.map(({ name }) => name)
  }

  test.each([
    '{"name": "Alice", "age": 30, "city": "Oslo"}',
    '{"name": "Alice", "parameters": {}, "age": 30}',
    '{"name": "Alice", "type": "person"}',
    '{"name": "Alice", "id": "1"}',
    '{"name": "now", "parameters": {}}; {"name": "Alice", "age": 30}',
  ])('is an answer where it says more: %s', (text) => {
    expect(calls(text)).toEqual([])
    expect(calls(text, ['Alice', 'now'])).toEqual([])
  })

  test.each([
    '{"name": "now"}',
    '{"name": "now", "parameters": {}}',
    '{"name": "now", "arguments": {}}',
    '{"type": "function", "name": "now", "parameters": {}}',
  ])('is a call of a tool that was offered: %s', (text) => {
    expect(calls(text)).toEqual(['now'])
    expect(calls(text, ['now', 'later'])).toEqual(['now'])
    expect(calls(text, ['later'])).toEqual([])
    expect(calls(`${text}; ${text}`, ['now'])).toEqual(['now', 'now'])
  })

  test('is a call behind the tag, whatever it is', () => {
    expect(calls('<|python_tag|>{"name": "now", "parameters": {}, "id": 1}', ['later'])).toEqual(['now'])
  })

  test('wants names that are texts', () => {
    const names = (toolNames: unknown) => () => new ToolCallParser('llama3-json', { toolNames } as never)
    expect(names(['a', 5])).toThrow(expect.objectContaining({ code: 'invalid_option' }))
    expect(names('a')).toThrow(expect.objectContaining({ code: 'invalid_option' }))
  })
})

test('deep and long outputs take little time', async () => {
  const parseAll = () => {
    for (const format of ['hermes', 'llama3-json', 'mistral'] as const) {
      parse(format, [`<tool_call>${'{"a":'.repeat(100_000)}`])
      parse(format, ['<tool_call>{'.repeat(2000)])
      parse(format, [`[TOOL_CALLS]${'['.repeat(100_000)}${']'.repeat(100_000)}`])
      parse(format, [`{"name": "f", "parameters": ${'['.repeat(100_000)}${']'.repeat(100_000)}}`])
      parse(format, [`<|python_tag|>f.call(${'a="'.repeat(20_000)})`])
      parse(format, `<tool_call>{"name": "${'x'.repeat(50_000)}`)
    }
  }
  await expectLittleWork(5000, parseAll)
})

test('a parser reads one output of a known format', () => {
  const parser = new ToolCallParser('mistral')
  parser.end()
  expect(() => parser.push('x')).toThrow(expect.objectContaining({ code: 'already_consumed' }))
  expect(() => parser.end()).toThrow(expect.objectContaining({ code: 'already_consumed' }))
  expect(() => new ToolCallParser('toString' as never)).toThrow(
    expect.objectContaining({ code: 'invalid_option' }),
  )
})
