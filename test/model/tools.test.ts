// Tools, reasoning and continued messages through chat(), with the bundled model.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  type ChatMessage,
  type GenerationEvent,
  load,
  type Model,
  type ToolDefinition,
} from '../../lib/index.js'
import { conversationPrompt } from '../../lib/model/prompt.js'
import { temporaryFolder } from './temporary.js'
import { makeWithTemplate, thinkingTemplate } from './with-template.js'

const getWeather: ToolDefinition = {
  name: 'get_weather',
  description: 'Get the current weather in a city',
  parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
}
const greedy = { temperature: 0, maxTokens: 80 }
const question: ChatMessage[] = [{ role: 'user', content: 'What is the weather in Paris?' }]
const folder = temporaryFolder()

let model: Model
beforeAll(async () => {
  model = await load()
})
afterAll(() => model.close())

async function eventsOf(generation: { events(): AsyncIterable<GenerationEvent> }) {
  const events: GenerationEvent[] = []
  for await (const event of generation.events()) events.push(event)
  return events
}

/** The bundled model with another chat template. */
async function loadWithTemplate(name: string, chatTemplate: string): Promise<Model> {
  return load(await makeWithTemplate(folder.join(name), chatTemplate))
}

describe('tools', () => {
  test('a call comes as an event and in the result', async () => {
    const generation = model.chat(question, { ...greedy, tools: [getWeather] })
    const events = await eventsOf(generation)
    const result = await generation.result()
    const calls = events.filter((event) => event.type === 'tool-call')
    expect(calls).toMatchObject([{ name: 'get_weather', arguments: '{"city": "Paris"}' }])
    expect(result).toMatchObject({ text: '', finishReason: 'tool-calls', reasoning: '' })
    expect(result.toolCalls).toEqual([
      { id: calls[0]?.id, name: 'get_weather', arguments: '{"city": "Paris"}' },
    ])
    expect(result.message).toEqual({
      role: 'assistant',
      content: '',
      tool_calls: [
        {
          id: calls[0]?.id,
          type: 'function',
          function: { name: 'get_weather', arguments: { city: 'Paris' } },
        },
      ],
    })
    expect(events.flatMap((event) => (event.type === 'stream-end' ? [] : event.tokens))).toEqual([
      ...result.tokens,
    ])
  })

  test('the answer to a call leads to an answer in words', async () => {
    const { message, toolCalls } = await model.chat(question, { ...greedy, tools: [getWeather] }).result()
    const answer: ChatMessage = {
      role: 'tool',
      content: '{"temperature": 21, "sky": "sunny"}',
      ...(toolCalls[0] && { tool_call_id: toolCalls[0].id, name: toolCalls[0].name }),
    }
    const messages = [...question, message, answer]
    const { text, finishReason } = await model.chat(messages, { ...greedy, tools: [getWeather] }).result()
    expect(text).toContain('Paris')
    expect(finishReason).toBe('stop')
  })

  test('each of several answers is read by itself', async () => {
    const answers = model.generateMany(question, { ...greedy, tools: [getWeather], n: 3 })
    const results = await Promise.all(answers.map((answer) => answer.result()))
    for (const { toolCalls, text } of results) expect([toolCalls.length, text]).toEqual([1, ''])
  })

  test("where no tag marks a call, the tools' names do", async () => {
    const template = '{{ messages[0].content }}{% if tools %}<|python_tag|>{% endif %}'
    const other = await loadWithTemplate('llama3', template)
    const { reader } = await conversationPrompt(question, { tools: [getWeather] }, other)
    const read = (text: string) => {
      const own = reader?.()
      return [...(own?.push(text) ?? []), ...(own?.end() ?? [])].map(({ type }) => type)
    }
    expect(read('{"name": "get_weather"}')).toEqual(['tool-call'])
    expect(read('{"name": "Alice"}')).toEqual(['text-delta'])
    await other.close()
  })

  test("OpenAI's form is the same", async () => {
    const options = [[getWeather], [{ type: 'function' as const, function: getWeather }]]
    const [plain, wrapped] = await Promise.all(
      options.map((tools) => model.chat(question, { ...greedy, tools }).result()),
    )
    expect(wrapped?.tokens).toEqual(plain?.tokens)
  })

  test('without tools the same text is text', async () => {
    const prefix = '<tool_call>\n{"name": "get_weather", "arguments": {"city": "Paris"}}\n</tool_call>'
    const messages: ChatMessage[] = [...question, { role: 'assistant', content: prefix.slice(0, 30) }]
    const { toolCalls } = await model.chat(messages, { ...greedy, continueFinalMessage: true }).result()
    expect(toolCalls).toEqual([])
  })

  test.each([
    ['tools', 'get_weather'],
    ['tools', null],
    ['tools[0]', [{}]],
    ['tools[1]', [getWeather, null]],
    ['tools[0].parameters', [{ name: 'f', parameters: [] }]],
  ])('refuses %s', async (name, tools) => {
    await expect(model.chat(question, { tools: tools as never }).result()).rejects.toMatchObject({
      code: 'invalid_option',
      message: expect.stringContaining(`${name}: expected`),
    })
  })

  test('a template that knows of no tools says so', async () => {
    const other = await loadWithTemplate('no-tools', '{{ messages[0].content }}')
    await expect(other.chat('Hello', { tools: [getWeather] }).result()).rejects.toMatchObject({
      code: 'unsupported_option',
      message: expect.stringContaining('tools'),
    })
    await other.close()
  })

  test.each(['tools', 'continueFinalMessage', 'templateVariables'])('%s needs messages', async (name) => {
    await expect(model.generate('Hello', { [name]: [] }).result()).rejects.toMatchObject({
      code: 'invalid_option',
    })
  })
})

describe('reasoning', () => {
  test('what follows an open <think> is reasoning', async () => {
    const thinking = await loadWithTemplate('thinking', thinkingTemplate)
    const generation = thinking.chat('What is the capital of France?', greedy)
    let text = ''
    for await (const piece of generation) text += piece
    const { reasoning, message, usage } = await generation.result()
    expect(text).toBe('')
    expect(reasoning.length).toBeGreaterThan(3)
    expect(usage.reasoningTokens).toBe(usage.completionTokens - 1) // the stop token has no text
    expect(message).toEqual({ role: 'assistant', content: '', reasoning_content: reasoning })
    await thinking.close()
  })
})

describe('continueFinalMessage', () => {
  test('goes on where the message ends', async () => {
    const whole = await model.chat('What is the capital of France?', greedy).text()
    const messages: ChatMessage[] = [
      { role: 'user', content: 'What is the capital of France?' },
      { role: 'assistant', content: whole.slice(0, 12) },
    ]
    const rest = await model.chat(messages, { ...greedy, continueFinalMessage: true }).text()
    expect(whole.slice(0, 12) + rest).toBe(whole)
  })
})

describe('several answers to what cannot be rendered', () => {
  test('the template is asked once', async () => {
    let asked = 0
    const variables = {
      get mood() {
        asked++
        return 'glad'
      },
    }
    const other = await loadWithTemplate('refuses', '{{ raise_exception("no") }}')
    const answers = other.generateMany(question, { n: 5, templateVariables: variables })
    for (const answer of answers) await expect(answer.result()).rejects.toMatchObject({ message: 'no' })
    expect(asked).toBe(1)
    await other.close()
  })
})

describe('templateVariables', () => {
  test('reach the template', async () => {
    const other = await loadWithTemplate('variables', '{{ raise_exception(mood ~ "!") }}')
    await expect(other.chat('Hello', { templateVariables: { mood: 'glad' } }).result()).rejects.toMatchObject(
      { code: 'template_error', message: expect.stringContaining('glad!') },
    )
    await other.close()
  })

  test.each([[[]], ['a'], [{ messages: [] }], [{ tools: [] }]])('refuses %j', async (templateVariables) => {
    await expect(
      model.chat('Hello', { templateVariables: templateVariables as never }).result(),
    ).rejects.toMatchObject({ code: 'invalid_option' })
  })
})
