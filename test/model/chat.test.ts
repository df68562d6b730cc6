import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { load, type Model } from '../../lib/index.js'
import { fixturePath } from '../golden.js'

describe('chat with the bundled model', () => {
  let model: Model
  beforeAll(async () => {
    model = await load()
  })
  afterAll(() => model.close())

  const greedy = { temperature: 0, maxTokens: 32 }
  const question = [{ role: 'user' as const, content: 'What is the capital of France?' }]

  test('answers a text, and the same messages alike', async () => {
    const text = await model.chat('What is the capital of France?', greedy).text()
    expect(text).toContain('Paris')
    expect(await model.chat(question, greedy).text()).toBe(text)
    expect(await model.generate(question, greedy).text()).toBe(text)
  })

  test('encodes what the template renders, without adding special tokens', async () => {
    const prompt = model.chatTemplate.render(question, { addGenerationPrompt: true })
    const tokens = model.tokenizer.encode(prompt, { addSpecialTokens: false })
    const [chat, plain] = await Promise.all([
      model.chat(question, greedy).result(),
      model.generate({ tokens }, greedy).result(),
    ])
    expect(chat.tokens).toEqual(plain.tokens)
    expect(chat.usage.promptTokens).toBe(tokens.length)
  })

  test.each([
    [[], 'at least one message'],
    [[{ role: 'user' }], 'messages[0]'],
    [[{ role: 'user', content: 'a' }, 7], 'messages[1]'],
    [{ role: 'user', content: 'a' }, 'array of at least one message, got {role: "user", content: "a"}'],
    [{ messages: [{ role: 'user', content: 'a' }] }, 'got {messages: …}'],
    [{ tokens: [1] }, 'got {tokens: …}'],
    [7, 'got 7'],
    [null, 'got null'],
    [undefined, 'got undefined'],
  ])('refuses %j', async (messages, message) => {
    await expect(model.chat(messages as never, greedy).text()).rejects.toMatchObject({
      code: 'invalid_input',
      message: expect.stringContaining(message),
    })
  })
})

test('a model without a template says so', async () => {
  const model = await load(fixturePath('models/qwen3-tied'))
  expect(() => model.chatTemplate).toThrow(expect.objectContaining({ code: 'no_chat_template' }))
  await model.close()
})
