// A model whose template opens a thought: what it writes first is reasoning.
import { afterAll, beforeAll, expect, test } from 'vitest'
import { load, type Model } from '../../lib/index.js'
import { createApp, type ServerApp } from '../../lib/server/index.js'
import { temporaryFolder } from '../model/temporary.js'
import { makeThinker } from '../thinker.js'
import { eventsOf, type Json, json, post } from './requests.js'

const body = { messages: [{ role: 'user', content: 'What is the capital of France?' }], temperature: 0 }
const folder = temporaryFolder()

let model: Model
let app: ServerApp

beforeAll(async () => {
  model = await load(await makeThinker(folder.join('thinking')), { threads: 1 })
  app = createApp({ models: { thinking: model }, log: 'off' })
})
afterAll(() => model.close())

const chat = (request: object) => post(app, '/v1/chat/completions', request)

test('what a model thinks is told apart from what it says, and counted', async () => {
  const { choices, usage } = await json(chat(body))
  const { content, reasoning_content } = choices[0].message
  expect(content).toBe('')
  expect(reasoning_content.length).toBeGreaterThan(3)
  const { completion_tokens, completion_tokens_details } = usage
  expect(completion_tokens_details.reasoning_tokens).toBe(completion_tokens - 1) // the last ended it

  const events = await eventsOf(await chat({ ...body, stream: true }))
  const deltas: Json[] = events.slice(0, -1).map(({ data }) => data.choices[0].delta)
  expect(deltas.map((delta) => delta.reasoning_content ?? '').join('')).toBe(reasoning_content)
  expect(deltas.map((delta) => delta.content ?? '').join('')).toBe('')
})

test('how much it thinks is up to the request, in the words of its template', async () => {
  const own = await model.chat(body.messages[0]?.content ?? '', {
    temperature: 0,
    templateVariables: { enable_thinking: false },
  })
  const quiet = [{ reasoning_effort: 'none' }, { chat_template_kwargs: { enable_thinking: false } }]
  for (const way of quiet) {
    const { message } = (await json(chat({ ...body, ...way }))).choices[0]
    expect(message).toEqual({ role: 'assistant', content: await own.text(), refusal: null })
  }
  const { message } = (await json(chat({ ...body, reasoning_effort: 'low' }))).choices[0]
  expect(message.reasoning_content).not.toBe('')
})

test('thoughts of earlier answers come back as they were told', async () => {
  const { message } = (await json(chat(body))).choices[0]
  const next = { messages: [...body.messages, message, { role: 'user', content: 'And of Italy?' }] }
  expect((await chat({ ...body, ...next })).status).toBe(200)
})
