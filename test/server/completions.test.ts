import { describe, expect, test } from 'vitest'
import { load } from '../../lib/index.js'
import { createApp } from '../../lib/server/index.js'
import { completionAnswer } from '../../lib/server/openai/completion-answer.js'
import { eventually } from '../eventually.js'
import { expectLittleWork } from '../promptly.js'
import { eventsOf, type Json, json, post } from './requests.js'
import { tinyApp } from './tiny-app.js'

const { model, app } = await tinyApp({ maxTokens: 512 })

const complete = async (body: unknown) => post(app, '/v1/completions', body)
const greedy = { prompt: 'Once upon a time', temperature: 0, max_tokens: 24 }

function isIdle(): boolean {
  const { active, queued } = model.stats()
  return active + queued === 0
}

/** The answer, which is as the table of endpoints says. */
async function answerOf(body: unknown): Promise<Json> {
  const response = await complete(body)
  const answer = await json(response)
  expect(response.status, JSON.stringify(answer)).toBe(200)
  return completionAnswer.parse(answer)
}

async function errorOf(body: unknown): Promise<Json> {
  const response = await complete(body)
  const { error } = await json(response)
  return { status: response.status, ...error }
}

/** The events of a stream but for the last, '[DONE]'. */
async function chunksOf(body: object): Promise<Json[]> {
  const events = await eventsOf(await complete({ ...body, stream: true }))
  expect(events.at(-1)?.data).toBe('[DONE]')
  return events.slice(0, -1).map(({ data }) => data)
}

/** The choices that a stream's pieces make. */
function joined(chunks: Json[]): Json[] {
  const choices: Json[] = []
  for (const { index, text, logprobs, finish_reason } of chunks.flatMap((chunk) => chunk.choices)) {
    choices[index] ??= { index, text: '', logprobs: null, finish_reason: null }
    const choice = choices[index]
    expect(choice.finish_reason).toBeNull()
    choice.text += text
    choice.finish_reason = finish_reason
    if (!logprobs) continue
    choice.logprobs ??= { tokens: [], token_logprobs: [], top_logprobs: [], text_offset: [] }
    for (const [name, list] of Object.entries<Json[]>(logprobs)) choice.logprobs[name].push(...list)
  }
  return choices
}

test("the article's own call", async () => {
  const answer = await answerOf({
    prompt: '请解释量子纠缠的基本原理。',
    temperature: 0.7,
    max_tokens: 512,
    stream: false,
  })
  expect(answer).toMatchObject({ object: 'text_completion', model: 'tiny', choices: [{ index: 0 }] })
  expect(answer.usage.completion_tokens).toBeGreaterThan(0)
})

describe('a text', () => {
  test('is what the model says, with what it took', async () => {
    const { choices, usage, id, system_fingerprint } = await answerOf(greedy)
    const own = await model.generate(greedy.prompt, { temperature: 0, maxTokens: 24 }).result()
    expect(choices).toEqual([{ index: 0, text: own.text, logprobs: null, finish_reason: 'length' }])
    expect(usage).toMatchObject({ prompt_tokens: 4, completion_tokens: 24, total_tokens: 28 })
    expect(id).toMatch(/^cmpl-\w+$/)
    expect((await answerOf(greedy)).system_fingerprint).toBe(system_fingerprint)
  })

  test('has 16 tokens unless more are asked for', async () => {
    expect((await answerOf({ prompt: 'Once', ignore_eos: true })).usage.completion_tokens).toBe(16)
  })

  test('ends before a stop string', async () => {
    const { text } = (await answerOf(greedy)).choices[0]
    const stop = text.slice(20, 24)
    const choice = (await answerOf({ ...greedy, stop: ['\u0000', stop] })).choices[0]
    expect(choice).toMatchObject({ text: text.slice(0, text.indexOf(stop)), finish_reason: 'stop' })
  })

  test('is the same for the same seed', async () => {
    const wild = { ...greedy, temperature: 1, top_k: 0, seed: 7 }
    const text = async (body: object) => (await answerOf(body)).choices[0].text
    const first = await text(wild)
    expect(await text(wild)).toBe(first)
    expect(await text({ ...wild, seed: 8 })).not.toBe(first)
    expect(await text({ ...wild, seed: 8, top_p: 0 })).toBe((await answerOf(greedy)).choices[0].text)
  })

  test('is steered by logit_bias', async () => {
    const id = model.tokenizer.idOf('Ġcat') ?? model.tokenizer.encode(' cat')[0]
    const { text } = (await answerOf({ ...greedy, max_tokens: 3, logit_bias: { [`${id}`]: 100 } })).choices[0]
    expect(text).toBe(model.tokenizer.decode([id as number]).repeat(3))
  })
})

describe('several', () => {
  test('prompts have n choices each, one after the other', async () => {
    const prompts = ['Once upon a time', 'The capital of France']
    const { choices, usage } = await answerOf({ ...greedy, prompt: prompts, n: 2, temperature: 1, seed: 3 })
    expect(choices.map(({ index }: Json) => index)).toEqual([0, 1, 2, 3])
    for (const [p, prompt] of prompts.entries()) {
      for (const i of [0, 1]) {
        const alone = await answerOf({ ...greedy, prompt, temperature: 1, seed: 3 + i })
        expect(choices[2 * p + i].text).toBe(alone.choices[0].text)
      }
    }
    const tokens = prompts.reduce((sum, prompt) => sum + model.tokenizer.count(prompt), 0)
    expect(usage.prompt_tokens).toBe(tokens)
    expect(usage.total_tokens).toBe(tokens + usage.completion_tokens)
  })

  test('lists of tokens are prompts, and a list of tokens is one', async () => {
    const ids = [...model.tokenizer.encode(greedy.prompt)]
    const [{ text }] = (await answerOf(greedy)).choices
    expect((await answerOf({ ...greedy, prompt: ids })).choices).toMatchObject([{ text }])
    const two = await answerOf({ ...greedy, prompt: [ids, ids] })
    expect(two.choices).toMatchObject([{ text }, { text, index: 1 }])
  })

  test('a failure of one ends all', async () => {
    const long = Array.from({ length: model.info.contextLength + 1 }, () => 5)
    const error = await errorOf({ ...greedy, prompt: [[5, 6], long], max_tokens: 512, ignore_eos: true })
    expect(error).toMatchObject({ status: 400, code: 'context_length_exceeded', param: 'prompt' })
    await eventually(isIdle, 'the end of the others')
  })
})

describe('log-probabilities', () => {
  const prompt = 'The naïve 量子 🙂 says'

  test('of an echoed prompt are those of the logits, the first is null', async () => {
    const { choices, usage } = await answerOf({ prompt, echo: true, max_tokens: 0, logprobs: 2 })
    const ids = model.tokenizer.encode(prompt)
    const { data, shape } = await model.logits(ids)
    const vocabulary = shape[1] as number
    const { tokens, token_logprobs, top_logprobs } = choices[0].logprobs
    expect(tokens).toHaveLength(ids.length)
    expect(token_logprobs[0]).toBeNull()
    expect(top_logprobs[0]).toBeNull()
    for (let i = 1; i < ids.length; i++) {
      const row = [...data.subarray((i - 1) * vocabulary, i * vocabulary)]
      const highest = Math.max(...row)
      const log = highest + Math.log(row.reduce((sum, logit) => sum + Math.exp(logit - highest), 0))
      expect(token_logprobs[i]).toBeCloseTo((row[ids[i] as number] as number) - log, 4)
      expect(Math.max(...Object.values<number>(top_logprobs[i]))).toBeCloseTo(highest - log, 4)
      expect(top_logprobs[i][tokens[i]]).toBe(token_logprobs[i])
      expect([2, 3]).toContain(Object.keys(top_logprobs[i]).length)
    }
    expect(choices[0]).toMatchObject({ text: prompt, finish_reason: 'length' })
    expect(usage).toMatchObject({ prompt_tokens: ids.length, completion_tokens: 0 })
  })

  test('of an echoed prompt and what follows are in one list', async () => {
    const { choices } = await answerOf({ prompt, echo: true, max_tokens: 5, temperature: 0, logprobs: 1 })
    const [{ text, logprobs }] = choices
    const alone = await answerOf({ prompt, max_tokens: 5, temperature: 0, logprobs: 1 })
    const count = model.tokenizer.count(prompt)
    expect(text).toBe(prompt + alone.choices[0].text)
    expect(logprobs.tokens.slice(count)).toEqual(alone.choices[0].logprobs.tokens)
    expect(logprobs.token_logprobs.slice(count)).toEqual(alone.choices[0].logprobs.token_logprobs)
    const length = [...prompt].length
    const moved = alone.choices[0].logprobs.text_offset.map((offset: number) => offset + length)
    expect(logprobs.text_offset.slice(count)).toEqual(moved)
  })

  test('tell where each token is, in characters, and bytes where it is none', async () => {
    const ids = [...model.tokenizer.encode(prompt)]
    const { logprobs, text } = (await answerOf({ prompt, echo: true, max_tokens: 0, logprobs: 0 })).choices[0]
    const characters = [...text]
    let parts = 0
    for (const [i, token] of logprobs.tokens.entries()) {
      const offset = logprobs.text_offset[i]
      const bytes = Buffer.concat(ids.slice(0, i).map((id) => model.tokenizer.bytesOf(id)))
      const before = characters.slice(0, offset).join('')
      expect(bytes.toString().replace(/\ufffd+$/, '')).toBe(before)
      if (token.startsWith('bytes:')) parts++
      else expect(characters.slice(offset).join('').startsWith(token)).toBe(true)
    }
    expect(parts).toBeGreaterThan(0)
  })

  test('without them an echo is the text alone', async () => {
    const { choices } = await answerOf({ prompt: [5, 6, 7], echo: true, max_tokens: 0 })
    expect(choices).toEqual([
      { index: 0, text: model.tokenizer.decode([5, 6, 7]), logprobs: null, finish_reason: 'length' },
    ])
  })
})

describe('a stream', () => {
  const shapes: object[] = [
    {},
    { n: 3, temperature: 1, seed: 5 },
    { prompt: ['Once upon a time', '从前有'], n: 2, logprobs: 2, echo: true, seed: 1 },
    { prompt: '🙂', echo: true, max_tokens: 0, logprobs: 1 },
    { stop: ' the' },
  ]
  test.each(shapes)('is the whole answer in pieces: %j', async (shape) => {
    const body = { ...greedy, ...shape }
    const whole = await answerOf(body)
    const chunks = await chunksOf(body)
    for (const chunk of chunks) completionAnswer.omit({ usage: true }).parse(chunk)
    expect(new Set(chunks.map(({ id }) => id)).size).toBe(1)
    expect(joined(chunks)).toEqual(whole.choices)
  })

  test('comes from all choices at the same time', async () => {
    const chunks = await chunksOf({ ...greedy, n: 2, temperature: 1, seed: 5 })
    const indices = chunks.map(({ choices }) => choices[0].index)
    expect(indices.indexOf(1)).toBeLessThan(indices.lastIndexOf(0))
    expect(indices.indexOf(0)).toBeLessThan(indices.lastIndexOf(1))
  })

  test('tells the usage where it is asked for', async () => {
    const { usage } = await answerOf(greedy)
    const chunks = await chunksOf({ ...greedy, stream_options: { include_usage: true } })
    expect(chunks.slice(0, -1).every((chunk) => chunk.usage === null)).toBe(true)
    const { completion_tokens, total_tokens } = usage
    expect(chunks.at(-1)).toMatchObject({ choices: [], usage: { completion_tokens, total_tokens } })
    const without = await chunksOf(greedy)
    expect(without.some((chunk) => 'usage' in chunk)).toBe(false)
  })

  test('that nobody reads any more ends all of its choices', async () => {
    const response = await complete({ ...greedy, max_tokens: 512, ignore_eos: true, n: 4, stream: true })
    const reader = response.body?.getReader()
    await reader?.read()
    await eventually(() => model.stats().active === 4, 'all four')
    await reader?.cancel()
    await eventually(isIdle, 'the end of all choices')
  })

  test('an error in the middle is an event, and nothing comes after it', async () => {
    const own = await load(undefined, { threads: 1 })
    const served = createApp({ models: { own }, log: 'off' })
    const body = { ...greedy, max_tokens: 1000, ignore_eos: true, n: 2, stream: true }
    const response = await post(served, '/v1/completions', body)
    const events = eventsOf(response)
    await own.close()
    expect((await events).at(-1)?.data).toMatchObject({ error: { code: 'closed', type: 'server_error' } })
    await served.close()
  })
})

describe('what is wrong is named', () => {
  const wrong: [object, string, string | null][] = [
    [{ temprature: 1 }, 'temprature', null],
    [{ prompt: [] }, 'prompt', null],
    [{ prompt: ['a', 1] }, 'prompt[1]', null],
    [{ prompt: { text: 'a' } }, 'prompt', null],
    [{ prompt: [1e6] }, 'prompt', 'invalid_token'],
    [{ suffix: ' end' }, 'suffix', 'unsupported'],
    [{ best_of: 3, n: 2 }, 'best_of', 'unsupported'],
    [{ max_tokens: 0 }, 'max_tokens', null],
    [{ max_tokens: 513 }, 'max_tokens', null],
    [{ logprobs: 21 }, 'logprobs', null],
    [{ n: 0 }, 'n', null],
    [{ n: 200, prompt: ['a', 'b'] }, 'prompt', null],
    [{ stop: Array.from({ length: 65 }, () => 'x') }, 'stop', null],
    [{ stop: [''] }, 'stop', 'invalid_option'],
    [{ stream_options: {} }, 'stream_options', null],
    [{ stream: true, stream_options: { usage: true } }, 'stream_options.usage', null],
    [{ logit_bias: { word: 1 } }, 'logit_bias.word', null],
    [{ logit_bias: { '3000000000': 1 } }, 'logit_bias', 'invalid_option'],
    [{ temperature: 'hot' }, 'temperature', null],
  ]
  test.each(wrong)('%j', async (given, param, code) => {
    const error = await errorOf({ prompt: 'x', ...given })
    expect(error).toMatchObject({ status: 400, type: 'invalid_request_error', param, code })
    expect(error.message).toContain(param.replace(/\[.*/, ''))
    const streamed = await complete({ prompt: 'x', stream: true, stream_options: undefined, ...given })
    if (!('stream_options' in given)) expect(streamed.status).toBe(400)
  })

  test('what changes nothing is taken', async () => {
    const harmless = { user: 'me', store: true, metadata: { a: 'b' }, best_of: 1, suffix: null, stop: [] }
    expect((await answerOf({ ...greedy, ...harmless })).choices).toHaveLength(1)
  })
})

test('a body of a million ids is looked at within milliseconds', async () => {
  const ids = Array.from({ length: 1_000_000 }, () => 5)
  await expectLittleWork(500, async () => {
    const error = await errorOf({ prompt: [...ids, 'x'] })
    expect(error).toMatchObject({ status: 400, param: 'prompt[1000000]' })
  })
})
