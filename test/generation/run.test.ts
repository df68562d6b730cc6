// What becomes of a request's rows: how it ends, what its reader still gets, whom it keeps listening.
import { getEventListeners } from 'node:events'
import { expect, test } from 'vitest'
import { type GenerateOptions, resolveOptions } from '../../lib/generation/options.js'
import type { ReplyReader } from '../../lib/generation/reply.js'
import { Requests } from '../../lib/generation/requests.js'
import { Run } from '../../lib/generation/run.js'
import type { NativeAnswer, NativeModel } from '../../lib/native/binding.js'
import { endOf, rowsOf } from './rows.js'

/** An engine that gives the rows that a test hands out. */
class FakeEngine {
  readonly requests = new Requests()
  readonly cancelled: number[] = []
  readonly consumed: number[] = []
  #submitted = 0

  get target() {
    const model = {
      submit: () => ++this.#submitted,
      cancel: (request: number) => this.cancelled.push(request),
      consumed: (_: number, tokens: number) => this.consumed.push(tokens),
    } as unknown as NativeModel
    return { model, requests: this.requests, tokenizer: undefined, origin: 0 }
  }

  start(options: GenerateOptions = {}, reader?: () => ReplyReader): Run {
    const run = new Run()
    run.accept(resolveOptions(options, { temperature: 0 }, []))
    run.start(this.target, { tokens: new Int32Array([1, 2]), ...(reader && { reader }) })
    return run
  }

  /** A token for the request that came last, and its end where one is given. */
  give(text: string, finish?: 'stop' | 'length'): void {
    const request = this.#submitted
    this.requests.deliver(...rowsOf([{ request, text }], finish && [endOf(request, finish)]))
  }

  /** The end alone. */
  end(finish: 'stop' | 'length'): void {
    this.requests.deliver(...rowsOf([], [endOf(this.#submitted, finish)]))
  }

  fail(code: string, message: string): void {
    this.#answer({ request: this.#submitted, kind: 'failed', code, message })
  }

  close(): void {
    this.#answer({ request: this.#submitted, kind: 'cancelled' })
  }

  #answer(answer: NativeAnswer): void {
    this.requests.deliver(...rowsOf([], [answer]))
  }
}

/** Finds one tool call in the text `call`, and otherwise text. */
const callReader = (): ReplyReader => ({
  push: (text) =>
    text === 'call'
      ? [{ type: 'tool-call', id: '123456789', name: 'now', arguments: '{}' }]
      : [{ type: 'text-delta', text }],
  end: () => [],
})

/** All text until the end, and what it rejects with. */
async function readAll(run: Run): Promise<{ text: string; failure: unknown }> {
  let text = ''
  for (;;) {
    const read = await Promise.resolve(run.next()).then(
      (event) => ({ event }),
      (failure: unknown) => ({ failure }),
    )
    if ('failure' in read) return { text, failure: read.failure }
    if (read.event === undefined) return { text, failure: undefined }
    if (read.event.type === 'text-delta') text += read.event.text
  }
}

test.each(['out_of_memory', 'read_error', 'internal'])(
  "an engine's error %s keeps its code and its message",
  async (code) => {
    const engine = new FakeEngine()
    const run = engine.start()
    engine.fail(code, 'made up')
    await expect(run.done).rejects.toMatchObject({ name: 'QuernError', code, message: 'made up' })
  },
)

test('an answer that no generation has is a mistake of ours', async () => {
  const engine = new FakeEngine()
  const run = engine.start()
  engine.requests.deliver(...rowsOf([], [{ request: 1, kind: 'embedding', numbers: new Float32Array(1) }]))
  await expect(run.done).rejects.toMatchObject({ code: 'internal' })
})

test('a closed engine is closed, whatever was generated', async () => {
  const engine = new FakeEngine()
  const run = engine.start()
  engine.give('some')
  engine.close()
  await expect(run.done).rejects.toMatchObject({ code: 'closed' })
  expect(await readAll(run)).toMatchObject({ text: 'some', failure: { code: 'closed' } })
})

test('only a reply that ends by itself has ended for its tool calls', async () => {
  for (const [last, finish, reason] of [
    ['call', 'stop', 'tool-calls'],
    ['call', 'length', 'length'],
    ['text', 'stop', 'stop'],
    ['text', 'length', 'length'],
  ] as const) {
    const engine = new FakeEngine()
    const run = engine.start({}, callReader)
    engine.give(last, finish)
    const result = await run.done
    expect([result.finishReason, result.toolCalls.length]).toEqual([reason, last === 'call' ? 1 : 0])
  }
})

test('what came before an abort or a failure can be read, then it rejects', async () => {
  const controller = new AbortController()
  const endings: Record<string, (engine: FakeEngine, run: Run) => void> = {
    abort: () => controller.abort(new Error('the end')),
    row: (engine) => engine.fail('internal', 'the end'),
    fail: (_, run) => run.fail(new Error('the end')),
  }
  for (const [name, end] of Object.entries(endings)) {
    const engine = new FakeEngine()
    const run = engine.start(name === 'abort' ? { signal: controller.signal } : {})
    for (const text of ['a', 'b', 'c']) engine.give(text)
    end(engine, run)
    engine.give('too late')
    expect(await readAll(run), name).toEqual({
      text: 'abc',
      failure: expect.objectContaining({ message: 'the end' }),
    })
    expect(engine.cancelled, name).toEqual([1])
  }
})

test('a reader that waits is woken by every ending', async () => {
  const controller = new AbortController()
  for (const end of [
    (engine: FakeEngine) => engine.end('stop'),
    (_: FakeEngine, run: Run) => run.cancel(),
    (_: FakeEngine, run: Run) => run.fail(new Error('x')),
    () => controller.abort(new Error('x')),
  ]) {
    const engine = new FakeEngine()
    const run = engine.start({ signal: controller.signal })
    const reading = readAll(run)
    await new Promise((resolve) => setImmediate(resolve))
    end(engine, run)
    await reading
  }
})

test('ended runs listen to no signal, however they ended', async () => {
  const { signal } = new AbortController()
  const endings = [
    (engine: FakeEngine) => engine.end('stop'),
    (engine: FakeEngine) => engine.give('x', 'length'),
    (engine: FakeEngine) => engine.fail('internal', 'made up'),
    (engine: FakeEngine) => engine.close(),
    (_: FakeEngine, run: Run) => run.cancel(),
    (_: FakeEngine, run: Run) => run.fail(new Error('x')),
  ]
  for (let i = 0; i < 100; i++) {
    const engine = new FakeEngine()
    const run = engine.start({ signal })
    expect(getEventListeners(signal, 'abort')).toHaveLength(1)
    endings[i % endings.length]?.(engine, run)
    await run.done.catch(() => {})
    expect(getEventListeners(signal, 'abort')).toHaveLength(0)
  }
})

test('one signal serves run after run, and its abort reaches the one that runs', async () => {
  const controller = new AbortController()
  const { signal } = controller
  for (let i = 0; i < 3; i++) {
    const engine = new FakeEngine()
    const run = engine.start({ signal })
    engine.give('x', 'stop')
    await run.done
  }
  const engine = new FakeEngine()
  const run = engine.start({ signal })
  controller.abort(new Error('now'))
  await expect(run.done).rejects.toThrow('now')
  expect(engine.cancelled).toEqual([1])
})

test('every token is reported as read once, by events or by waiting for the end', async () => {
  for (const way of ['events', 'result', 'both'] as const) {
    const engine = new FakeEngine()
    const run = engine.start()
    for (let i = 0; i < 50; i++) engine.give('x')
    if (way !== 'result') for (let i = 0; i < 20; i++) await run.next()
    if (way !== 'events') run.drain()
    for (let i = 0; i < 50; i++) engine.give('y')
    for (let i = 0; i < 80; i++) await run.next()
    const reported = engine.consumed.reduce((sum, tokens) => sum + tokens, 0)
    // What is read bit by bit is reported in larger pieces.
    expect(reported, way).toBeLessThanOrEqual(100)
    expect(reported, way).toBeGreaterThan(100 - 32)
  }
})

test('whoever listens to the end hears of it once, and what he throws is what the run rejects with', async () => {
  const heard: unknown[] = []
  const run = new Run((result) => {
    heard.push(result?.text)
    throw new Error('broken')
  })
  run.accept(resolveOptions({}, { temperature: 0 }, []))
  const engine = new FakeEngine()
  run.start(engine.target, { tokens: new Int32Array([1]) })
  engine.give('a', 'stop')
  await expect(run.done).rejects.toThrow('broken')
  expect(heard).toEqual(['a'])
})

test('the reason of a failure stays, whatever a listener throws', async () => {
  const heard: unknown[] = []
  const run = new Run((result) => {
    heard.push(result)
    throw new Error('broken')
  })
  run.fail(new Error('the reason'))
  await expect(run.done).rejects.toThrow('the reason')
  expect(heard).toEqual([undefined])
})
