import { getEventListeners } from 'node:events'
import { expect, test, vi } from 'vitest'
import { load, pull } from '../lib/index.js'
import { onAbort } from '../lib/on-abort.js'

test('many wait with one listener, which goes with the last of them', () => {
  const { signal } = new AbortController()
  const ends = Array.from({ length: 50 }, () => onAbort(signal, () => {}))
  expect(getEventListeners(signal, 'abort')).toHaveLength(1)
  for (const end of ends) end()
  expect(getEventListeners(signal, 'abort')).toHaveLength(0)
  onAbort(signal, () => {})()
  expect(getEventListeners(signal, 'abort')).toHaveLength(0)
})

test('an abort calls those that still wait, once', () => {
  const controller = new AbortController()
  const [first, second, third] = [vi.fn(), vi.fn(), vi.fn()]
  onAbort(controller.signal, first)
  const end = onAbort(controller.signal, second)
  onAbort(controller.signal, third)
  end()
  controller.abort()
  expect([first, second, third].map((call) => call.mock.calls.length)).toEqual([1, 0, 1])
})

test('a signal that nobody waited for any more is heard again', () => {
  const controller = new AbortController()
  for (let i = 0; i < 3; i++) onAbort(controller.signal, () => {})()
  const first = vi.fn()
  const second = vi.fn()
  onAbort(controller.signal, first)
  onAbort(controller.signal, second)
  expect(getEventListeners(controller.signal, 'abort')).toHaveLength(1)
  controller.abort()
  expect([first.mock.calls.length, second.mock.calls.length]).toEqual([1, 1])
  expect(getEventListeners(controller.signal, 'abort')).toHaveLength(0)
})

test('ending twice ends nobody else', () => {
  const controller = new AbortController()
  const end = onAbort(controller.signal, () => {})
  end()
  const call = vi.fn()
  onAbort(controller.signal, call)
  end()
  onAbort(controller.signal, () => {})
  expect(getEventListeners(controller.signal, 'abort')).toHaveLength(1)
  controller.abort()
  expect(call).toHaveBeenCalledOnce()
})

test('no other listener can keep the abort to itself', async () => {
  const controller = new AbortController()
  controller.signal.addEventListener('abort', (event) => event.stopImmediatePropagation())
  const called = vi.fn()
  onAbort(controller.signal, called)
  controller.abort()
  expect(called).toHaveBeenCalledOnce()
})

test('who no longer waits is not called, where the abort came before all', async () => {
  const called = vi.fn()
  onAbort(AbortSignal.abort(), called)()
  await Promise.resolve()
  expect(called).not.toHaveBeenCalled()
})

test('many calls may share a signal: Node has no leak to warn of', async () => {
  const warned = vi.fn()
  process.on('warning', warned)
  const { signal } = new AbortController()
  const calls = Array.from({ length: 12 }, async () => {
    const model = await load(undefined, { signal, contextLength: 64 })
    await Promise.all(
      Array.from({ length: 12 }, () => model.generate('Once', { signal, maxTokens: 2 }).text()),
    )
    await model.close()
  })
  await Promise.all(calls)
  await Promise.allSettled(Array.from({ length: 12 }, () => pull('no id', { signal })))
  await new Promise((resolve) => setImmediate(resolve))
  process.off('warning', warned)
  expect(warned).not.toHaveBeenCalled()
  expect(getEventListeners(signal, 'abort')).toHaveLength(0)
})
