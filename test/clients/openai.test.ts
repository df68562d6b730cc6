// The package `openai`, as its users use it.
import OpenAI from 'openai'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Served, serveTiny } from './served.js'

let served: Served
let client: OpenAI

beforeAll(async () => {
  served = await serveTiny()
  client = new OpenAI({ baseURL: served.baseURL, apiKey: 'none' })
})
afterAll(() => served.close())

test('models are listed', async () => {
  const names: string[] = []
  for await (const model of client.models.list()) names.push(model.id)
  expect(names).toEqual(['tiny'])
})

test('a text is continued', async () => {
  const { choices } = await client.completions.create({
    model: 'tiny',
    prompt: 'Once upon a time',
    temperature: 0,
  })
  expect(choices[0]?.text).not.toBe('')
})
