// One task, one answer: how it fails, and what an abort does.
import { getEventListeners } from 'node:events'
import { expect, test } from 'vitest'
import { ask, type Question } from '../../lib/generation/ask.js'
import { Requests } from '../../lib/generation/requests.js'
import type { NativeAnswer, NativeModel } from '../../lib/native/binding.js'
import { rowsOf } from './rows.js'

const task: Question = { kind: 'embed', prompt: new Int32Array([1]), priority: 0 }

function engine(submit = () => 1) {
  const cancelled: number[] = []
  const requests = new Requests()
  const cancel = (request: number) => cancelled.push(request)
  const model = { submit, cancel } as unknown as NativeModel
  const answer = (...answers: NativeAnswer[]) => requests.deliver(...rowsOf([], answers))
  return { target: { model, requests }, cancelled, answer }
}

test('the answer of its kind', async () => {
  const { target, answer } = engine()
  const asked = ask(target, task)
  const numbers = new Float32Array([1, 2])
  answer({ request: 2, kind: 'cancelled' }, { request: 1, kind: 'embedding', numbers })
  expect(await asked).toMatchObject({ numbers })
})

test.each<[NativeAnswer, string, string]>([
  [{ request: 1, kind: 'failed', code: 'out_of_memory', message: 'no memory' }, 'out_of_memory', 'no memory'],
  [{ request: 1, kind: 'cancelled' }, 'closed', 'the model was closed meanwhile'],
  [
    { request: 1, kind: 'logits', numbers: new Float32Array() },
    'internal',
    'the engine gave an answer of the kind logits',
  ],
])('rejects with the code of %o', async (answer, code, message) => {
  const fake = engine()
  const asked = ask(fake.target, task)
  fake.answer(answer)
  await expect(asked).rejects.toMatchObject({ name: 'QuernError', code, message })
})

test('what is not taken in rejects with its code', async () => {
  const { target } = engine(() => {
    throw Object.assign(new Error('too many wait'), { code: 'overloaded' })
  })
  await expect(ask(target, task)).rejects.toMatchObject({ name: 'QuernError', code: 'overloaded' })
})

test('an abort cancels it and rejects at once; afterwards nobody listens', async () => {
  const controller = new AbortController()
  const { signal } = controller
  const { target, cancelled, answer } = engine()
  const reason = new Error('enough')
  const asked = ask(target, task, signal)
  controller.abort(reason)
  await expect(asked).rejects.toBe(reason)
  expect(cancelled).toEqual([1])
  answer({ request: 1, kind: 'cancelled' })
  await expect(ask(target, task, signal)).rejects.toBe(reason)

  const other = new AbortController()
  const second = ask(target, task, other.signal)
  expect(getEventListeners(other.signal, 'abort')).toHaveLength(1)
  answer({ request: 1, kind: 'embedding', numbers: new Float32Array(1) })
  await second
  expect(getEventListeners(other.signal, 'abort')).toHaveLength(0)
})
