import { afterAll, beforeAll, expect, test } from 'vitest'
import { load, type Model } from '../../lib/index.js'
import { createApp, type ServerApp } from '../../lib/server/index.js'
import { eventsOf, json, post } from './requests.js'

let model: Model
let app: ServerApp

beforeAll(async () => {
  model = await load(undefined, { threads: 1 })
  app = createApp({ models: { tiny: model } })
})
afterAll(() => model.close())

const complete = async (body: unknown) => post(app, '/v1/completions', body)

test("the article's own call", async () => {
  const response = await complete({
    prompt: '请解释量子纠缠的基本原理。',
    temperature: 0.7,
    max_tokens: 512,
    stream: false,
  })
  expect(response.status).toBe(200)
  expect(await response.json()).toMatchObject({ object: 'text_completion', model: 'tiny' })
})

test('a stream is the same text in pieces', async () => {
  const request = { prompt: 'Once upon a time', temperature: 0, max_tokens: 32 }
  const whole = await json(complete(request))
  const events = await eventsOf(await complete({ ...request, stream: true }))
  expect(events.at(-1)?.data).toBe('[DONE]')
  const texts = events.slice(0, -1).map(({ data }) => data.choices[0].text)
  expect(texts.join('')).toBe(whole.choices[0].text)
})

test('what is wrong is named', async () => {
  const response = await complete({ prompt: 'x', temprature: 1 })
  expect(response.status).toBe(400)
  expect((await json(response)).error).toMatchObject({ param: 'temprature', type: 'invalid_request_error' })
})
