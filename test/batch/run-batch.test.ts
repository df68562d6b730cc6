import { execFileSync } from 'node:child_process'
import {
  appendFileSync,
  linkSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest'
import { answerBatchLine, type BatchProgress, runBatch } from '../../lib/batch/index.js'
import { load, type Model } from '../../lib/index.js'
import { createApp } from '../../lib/server/index.js'
import { lateLibrary } from '../late-library.js'
import { json, post } from '../server/requests.js'
import { answersOf, batchFiles, completion, folder } from './batch-files.js'

let model: Model
let models: { tiny: Model }
beforeAll(async () => {
  model = await load(undefined, { threads: 1 })
  models = { tiny: model }
})
afterAll(() => model.close())

const names = (count: number) => Array.from({ length: count }, (_, i) => `r${i}`)
const sorted = (path: string) =>
  answersOf(path)
    .map(({ custom_id }) => custom_id)
    .sort()

/** What differs from one answer to the same question to the next. */
function withoutIds(body: object): object {
  return { ...body, id: '', created: 0 }
}

describe('runBatch', () => {
  it('gives each line the answer that the server gives', async () => {
    const chat = { messages: [{ role: 'user', content: 'Hello!' }], max_tokens: 6, temperature: 0 }
    const lines = [
      completion('a'),
      { custom_id: 'b', method: 'POST', url: '/v1/chat/completions', body: chat },
      { custom_id: 'c', method: 'POST', url: '/v1/embeddings', body: { model: 'tiny', input: 'a text' } },
      completion('d', { temperature: -1 }),
      completion('e', { model: 'nobody' }),
    ] as { custom_id: string; url: string; body: object }[]
    const files = batchFiles(lines)
    const end = await runBatch({ ...files, models })
    expect(end).toMatchObject({ total: 5, done: 5, failed: 2, before: 0 })
    expect(end.completionTokens).toBe(14)
    const answers = new Map(answersOf(files.output).map((answer) => [answer.custom_id, answer]))
    const app = createApp({ models })
    for (const { custom_id, url, body } of lines) {
      const { id, response, error } = answers.get(custom_id) ?? {}
      const own = await post(app, url, body)
      expect(id).toMatch(/^batch_req_/)
      expect(response).toMatchObject({ status_code: own.status, request_id: expect.stringMatching(/^req_/) })
      expect(withoutIds(response?.body)).toEqual(withoutIds(await json(own)))
      expect(error).toBeNull()
    }
  })

  it('answers what is no request with what is wrong, and goes on', async () => {
    const files = batchFiles([
      'nonsense',
      '',
      '[1]',
      { method: 'POST', url: '/v1/completions', body: {} },
      { ...completion('get'), method: 'GET' },
      { ...completion('images'), url: '/v1/images' },
      { ...completion('text'), body: 'text' },
      completion('stream', { stream: true }),
      `{"custom_id":"deep","method":"POST","url":"/v1/completions","body":${'{"a":'.repeat(9000)}1${'}'.repeat(9000)}}`,
      completion('good'),
    ])
    expect(await runBatch({ ...files, models })).toMatchObject({ total: 9, done: 9, failed: 8 })
    const answers = answersOf(files.output)
    const deep = answers.find(({ custom_id }) => custom_id === 'deep') // by us or by the server, as far as it can be written
    expect(deep?.error?.message ?? deep?.response?.body.error.message).toContain('nested too deep')
    const told = Object.fromEntries(
      answers.flatMap(({ custom_id, error }) =>
        error && custom_id !== 'deep' ? [[error.line, [custom_id, error.message]]] : [],
      ),
    )
    expect(told).toEqual({
      1: [null, expect.stringContaining('line 1: the line is no JSON')],
      3: [null, 'line 3: expected an object, got a list'],
      4: [null, 'line 4: custom_id: expected a text of 1 to 512 characters, got nothing'],
      5: ['get', 'line 5: method: expected "POST", got "GET"'],
      6: ['images', expect.stringContaining('line 6: url: expected one of /v1/chat/completions')],
      7: ['text', 'line 7: body: expected an object, got "text"'],
      8: ['stream', expect.stringContaining('line 8: body.stream')],
    })
    expect(answers.find(({ custom_id }) => custom_id === 'good')?.response?.status_code).toBe(200)
    expect(await runBatch({ ...files, models })).toMatchObject({ done: 9, before: 9, failed: 8 })
    expect(answersOf(files.output)).toHaveLength(9)
  })

  it('goes on where an earlier run was ended', async () => {
    const files = batchFiles(names(40).map((name) => completion(name)))
    const stop = new AbortController()
    const seen: BatchProgress[] = []
    const first = await runBatch({
      ...files,
      ...{ models, concurrency: 4, signal: stop.signal },
      onProgress: (progress) => {
        seen.push(progress)
        if (progress.done === 10) stop.abort()
      },
    })
    expect(first.done).toBeGreaterThanOrEqual(10)
    expect(first.done).toBeLessThan(20)
    expect(seen[0]).toMatchObject({ total: 40, done: 0 })
    expect(answersOf(files.output)).toHaveLength(first.done)
    const second = await runBatch({ ...files, models })
    expect(second).toMatchObject({ total: 40, done: 40, before: first.done })
    expect(sorted(files.output)).toEqual(names(40).sort())
  })

  it('mends a last line that was cut short, wherever it was', async () => {
    const files = batchFiles(names(3).map((name) => completion(name)))
    await runBatch({ ...files, models })
    const whole = readFileSync(files.output)
    const begin = whole.lastIndexOf('\n', whole.length - 2) + 1
    for (const length of [begin + 1, begin + 17, begin + 90, whole.length - 1]) {
      writeFileSync(files.output, whole)
      truncateSync(files.output, length)
      expect(await runBatch({ ...files, models })).toMatchObject({ done: 3, before: 2 })
      expect(sorted(files.output)).toEqual(['r0', 'r1', 'r2'])
    }
    truncateSync(files.output, begin)
    appendFileSync(files.output, Buffer.alloc(300)) // as a file system may leave it
    expect(await runBatch({ ...files, models })).toMatchObject({ done: 3, before: 2 })
    expect(sorted(files.output)).toEqual(['r0', 'r1', 'r2'])
  })

  it('puts failures where they are wanted, and tries those again whose answers were taken away', async () => {
    const files = batchFiles([completion('a'), 'nonsense', completion('b', { max_tokens: -1 })])
    const errors = join(dirname(files.output), 'errors.jsonl')
    await runBatch({ ...files, errors, models })
    expect(sorted(files.output)).toEqual(['a'])
    expect(answersOf(errors)).toHaveLength(2)
    expect(await runBatch({ ...files, errors, models })).toMatchObject({ before: 3, failed: 2 })
    truncateSync(errors)
    expect(await runBatch({ ...files, errors, models })).toMatchObject({ before: 1, done: 3, failed: 2 })
    expect(answersOf(errors)).toHaveLength(2)
  })

  it('asks in an order in which prompts that begin alike follow each other', async () => {
    const long = (animal: string) => `${`The ${animal} went into the forest. `.repeat(12)}Then`
    const animals = ['cat', 'dog', 'fox', 'cow', 'hen', 'bee', 'ant', 'pig']
    const lines = Array.from({ length: 64 }, (_, i) =>
      completion(`r${i}`, { prompt: `${long(animals[i % 8] as string)} ${i}`, max_tokens: 1 }),
    )
    const files = batchFiles(lines)
    await runBatch({ ...files, models, concurrency: 1 })
    const order = answersOf(files.output).map(({ custom_id }) => Number(custom_id?.slice(1)) % 8)
    const changes = order.filter((animal, i) => i > 0 && animal !== order[i - 1])
    expect(changes).toHaveLength(7)
    const cached = answersOf(files.output).filter(
      ({ response }) => response?.body.usage.prompt_tokens_details.cached_tokens > 50,
    )
    expect(cached.length).toBeGreaterThanOrEqual(64 - 8)
  })

  it('refuses, before anything is written, what cannot be told apart or was not meant', async () => {
    const input = batchFiles([completion('a'), '', completion('b'), completion('a')])
    await expect(runBatch({ ...input, models })).rejects.toMatchObject({
      code: 'invalid_input',
      message: expect.stringContaining('lines 1 and 4 have the same custom_id, "a"'),
    })
    const elsewhere = batchFiles([completion('a', { model: 'gpt-4o' }), completion('b', { model: 'gpt-4o' })])
    await expect(runBatch({ ...elsewhere, models })).rejects.toMatchObject({
      code: 'invalid_input',
      message: expect.stringContaining("line 1: there is no model 'gpt-4o' here"),
    })
    const same = batchFiles([completion('a')])
    const links = [join(folder(), 'hard'), join(folder(), 'soft')] as const
    linkSync(same.input, links[0])
    symlinkSync(same.input, links[1])
    for (const output of [same.input, ...links])
      await expect(runBatch({ input: same.input, output, models })).rejects.toMatchObject({
        code: 'invalid_option',
        message: expect.stringContaining('input and output are the same file'),
      })
    await expect(runBatch({ ...same, errors: same.output, models })).rejects.toThrow('the same file')
    await expect(runBatch({ ...same, input: '/nowhere', models })).rejects.toMatchObject({
      code: 'missing_file',
    })
    await expect(runBatch({ ...same, concurrency: 0, models })).rejects.toMatchObject({
      code: 'invalid_option',
    })
    expect(() => readFileSync(same.output)).toThrow()
  })

  it('leaves no file behind that was made for answers which do not come', async () => {
    const files = batchFiles([completion('a')])
    const there = () => readdirSync(dirname(files.output))
    const before = there()
    const errors = dirname(files.output)
    await expect(runBatch({ ...files, errors, models })).rejects.toMatchObject({ code: 'write_error' })
    expect(there()).toEqual(before)
    const nowhere = { tiny: { source: join(folder(), 'no-such-model') } }
    await expect(runBatch({ ...files, models: nowhere })).rejects.toMatchObject({ code: 'missing_file' })
    expect(there()).toEqual(before)
    writeFileSync(files.output, '')
    await expect(runBatch({ ...files, errors, models })).rejects.toMatchObject({ code: 'write_error' })
    expect(readFileSync(files.output, 'utf8')).toBe('') // which was theirs
  })

  it('leaves an output as it is that is not of this input', async () => {
    const files = batchFiles([completion('a'), completion('b')])
    await runBatch({ ...files, models })
    const line = readFileSync(files.output, 'utf8')
    const first = line.split('\n')[0] as string
    const strangers = {
      'somebody\n': 'line 1 is no answer of a batch',
      'no line break': 'line 1 is no answer of a batch',
      [line.replace('"a"', '"c"')]: 'answers "c", which the input does not ask',
      [`${line}${first}\n`]: 'a second time',
    }
    for (const [text, why] of Object.entries(strangers)) {
      writeFileSync(files.output, text)
      await expect(runBatch({ ...files, models })).rejects.toThrow(why)
      expect(readFileSync(files.output, 'utf8')).toBe(text)
    }
  })

  it('has its output for itself', async () => {
    const files = batchFiles(names(20).map((name) => completion(name)))
    let other: Promise<unknown> | undefined
    await runBatch({
      ...files,
      models,
      onProgress: () => {
        other ??= runBatch({ ...files, models }).catch((error) => error)
      },
    })
    expect(await other).toMatchObject({
      code: 'invalid_option',
      message: expect.stringContaining('another batch is adding to this file'),
    })
    expect(sorted(files.output)).toEqual(names(20).sort())
  })
})

describe('answerBatchLine', () => {
  it('answers a line alone', async () => {
    const app = createApp({ models })
    const answer = await answerBatchLine(app, JSON.stringify(completion('a')))
    expect(answer).toMatchObject({ custom_id: 'a', response: { status_code: 200 }, error: null })
    expect(await answerBatchLine(app, 'nonsense', 7)).toMatchObject({
      custom_id: null,
      response: null,
      error: { code: 'invalid_line', message: expect.stringMatching(/^line 7: /), line: 7 },
    })
  })

  it('has none for a line with which the GPU failed again', async () => {
    vi.stubEnv('QUERN_CUDA_LIBRARY', lateLibrary)
    vi.stubEnv('QUERN_LATE_LOST', '2')
    onTestFinished(() => void vi.unstubAllEnvs())
    const app = createApp({ models: { tiny: { options: { device: 'cuda', threads: 1 } } }, log: 'off' })
    const line = JSON.stringify(completion('a'))
    await expect(answerBatchLine(app, line)).rejects.toMatchObject({
      code: 'device_failed',
      message: "'a' was asked again, and its model failed again: late: lost with step 2",
    })
    vi.stubEnv('QUERN_LATE_LOST', '')
    expect((await answerBatchLine(app, line)).response?.status_code).toBe(200)
    await app.close()
  })

  it('has none for a line that comes while a GPU that failed again and again is left alone', async () => {
    vi.stubEnv('QUERN_CUDA_LIBRARY', lateLibrary)
    vi.stubEnv('QUERN_LATE_LOST', '1')
    onTestFinished(() => void vi.unstubAllEnvs())
    const app = createApp({ models: { tiny: { options: { device: 'cuda', threads: 1 } } }, log: 'off' })
    const line = JSON.stringify(completion('a'))
    for (const why of [/lost with step 1$/, /failed 3 times in a row, .* not loaded again before \d s /])
      await expect(answerBatchLine(app, line)).rejects.toMatchObject({
        code: 'device_failed',
        message: expect.stringMatching(why),
      })
    await app.close()
  })

  it('waits while the queue is full', async () => {
    const small = await load(undefined, { threads: 1, maxQueue: 40 })
    const app = createApp({ models: { small } })
    const lines = names(200).map((name) => JSON.stringify(completion(name, { max_tokens: 2 })))
    const answers = await Promise.all(lines.map((line) => answerBatchLine(app, line)))
    expect(answers.map(({ response }) => response?.status_code)).toEqual(lines.map(() => 200))
    await small.close()
  })
})

it('refuses what is no file, and waits for nobody to write to a pipe', async () => {
  const input = join(folder(), 'pipe')
  execFileSync('mkfifo', [input])
  for (const path of [input, dirname(input)])
    await expect(runBatch({ input: path, output: `${input}.out`, models })).rejects.toThrow(
      expect.objectContaining({ code: 'read_error' }),
    )
})
