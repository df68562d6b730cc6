// What promptTokens() says is what generations begin with.
import { afterAll, beforeAll, expect, test } from 'vitest'
import {
  type ChatMessage,
  type GenerateInput,
  load,
  type Model,
  type PromptTokensOptions,
} from '../../lib/index.js'

let model: Model
beforeAll(async () => {
  model = await load(undefined, { threads: 1 })
})
afterAll(() => model.close())

const messages: ChatMessage[] = [
  { role: 'system', content: 'Be terse.' },
  { role: 'user', content: 'What is the weather in Paris?' },
]
const open: ChatMessage[] = [...messages, { role: 'assistant', content: 'It is' }]
const tools = [{ name: 'get_weather', parameters: { type: 'object', properties: {} } }]

test.each<[string, GenerateInput, PromptTokensOptions]>([
  ['a text', 'Once upon a time', {}],
  ['a long text', 'Once upon a time. '.repeat(80), {}],
  ['tokens', { tokens: [1, 2, 3] }, {}],
  ['messages', messages, {}],
  ['messages and tools', messages, { tools }],
  ['a message that goes on', open, { continueFinalMessage: true }],
])('%s: as many as a generation counts', async (_, input, options) => {
  const tokens = await model.promptTokens(input, options)
  const { usage } = await model.generate(input, { ...options, maxTokens: 1 }).result()
  expect(tokens).toHaveLength(usage.promptTokens)
})

test('they are those of the rendered template', async () => {
  for (const addGenerationPrompt of [true, false]) {
    const text = model.chatTemplate.render(messages, { addGenerationPrompt })
    const tokens = await model.promptTokens(messages, { addGenerationPrompt })
    expect(tokens).toEqual(model.tokenizer.encode(text, { addSpecialTokens: false }))
  }
})

test('more than the context has room for are counted too', async () => {
  const text = 'Once upon a time. '.repeat(5000) // long enough for a helper thread
  expect(await model.promptTokens(text)).toEqual(model.tokenizer.encode(text))
})

test.each([
  [{ addSpecialTokens: 1 }, 'invalid_option'],
  [{ addGenerationPrompt: 'yes' }, 'invalid_option'],
  [{ tools: {} }, 'invalid_option'],
  [{ add_special_tokens: true }, 'unsupported_option'],
])('refuses %j', async (options, code) => {
  await expect(model.promptTokens(messages, options as never)).rejects.toMatchObject({ code })
})
