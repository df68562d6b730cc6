// A server whose model was loaded with attention sinks takes prompts and gives answers that are longer than the context.
import { afterAll, expect, test } from 'vitest'
import { createApp } from '../../lib/server/index.js'
import { json, post } from './requests.js'

const options = { threads: 1, contextLength: 64, attentionSinks: { sinks: 4, window: 60 } }
const app = createApp({ models: { tiny: { options } }, maxTokens: 120 })
afterAll(() => app.close())

const words = 'A fox ran over the hill and met a bear. '
const greedy = { model: 'tiny', temperature: 0 }

test('a completion', async () => {
  const response = await post(app, '/v1/completions', {
    ...greedy,
    prompt: words.repeat(20),
    ignore_eos: true,
  })
  const { usage, choices } = await json(response)
  expect(response.status).toBe(200)
  expect(usage.prompt_tokens).toBeGreaterThan(64)
  expect(usage.completion_tokens).toBeLessThanOrEqual(120)
  expect(choices[0].text).not.toBe('')
})

test('a conversation, which stays within the context where it asks for that', async () => {
  const input = [{ role: 'user', content: words.repeat(3) }]
  const long = [
    ...input,
    { role: 'assistant', content: words.repeat(4) },
    { role: 'user', content: 'And then?' },
  ]
  const responses = async (more: object) => {
    const body = { ...greedy, input: long, max_output_tokens: 20, store: false, ...more }
    const response = await post(app, '/v1/responses', body)
    const answer = await json(response)
    expect(response.status, JSON.stringify(answer)).toBe(200)
    return answer.usage.input_tokens as number
  }
  expect(await responses({})).toBeGreaterThan(64)
  expect(await responses({ truncation: 'auto' })).toBeLessThanOrEqual(64)
})
