// Callers without types: what is no options object, or no text, is a QuernError and nothing else.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import * as quern from '../lib/index.js'

let model: quern.Model
beforeAll(async () => {
  model = await quern.load()
})
afterAll(() => model.close())

const message = { role: 'user' as const, content: 'Hello' }
const calls: Record<string, (value: never) => unknown> = {
  load: (value) => quern.load(undefined, value),
  inspect: (value) => quern.inspect(undefined, value),
  doctor: (value) => quern.doctor(value),
  pull: (value) => quern.pull('org/name', value),
  generate: (value) => model.generate('Hello', value).text(),
  chat: (value) => model.chat('Hello', value).text(),
  generateMany: (value) => model.generateMany('Hello', value),
  logits: (value) => model.logits([1], value),
  embed: (value) => model.embed('Hello', value),
  rank: (value) => model.rank('Hello', ['Hello'], value),
  score: (value) => model.score('Hello', ' you', value),
  perplexity: (value) => model.perplexity('Hello you', value),
  session: (value) => model.session(value),
  'session.chat': (value) => model.session().chat('Hello', value).text(),
  loadSession: (value) => model.loadSession('a.session', value),
  encode: (value) => model.tokenizer.encode('Hello', value),
  count: (value) => model.tokenizer.count('Hello', value),
  decode: (value) => model.tokenizer.decode([1], value),
  decoder: (value) => model.tokenizer.decoder(value),
  render: (value) => model.chatTemplate.render([message], value),
  samplingDistribution: (value) => quern.samplingDistribution(new Float32Array(3), value),
  'samplingDistribution context': (value) => quern.samplingDistribution(new Float32Array(3), {}, value),
}

describe.each(Object.entries(calls))('%s', (_, call) => {
  test.each([null, 5, 'text', true, [[]]])('refuses %s as options', async (value) => {
    const error = await Promise.resolve()
      .then(() => call(value as never))
      .catch((caught: quern.QuernError) => caught)
    expect(error).toBeInstanceOf(quern.QuernError)
    expect((error as quern.QuernError).code).toBe('invalid_option')
  })
})

test('a parser wants text', () => {
  expect(() => new quern.ToolCallParser('hermes').push(null as never)).toThrow(quern.QuernError)
})
