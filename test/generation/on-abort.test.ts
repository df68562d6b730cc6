import { getEventListeners } from 'node:events'
import { expect, test, vi } from 'vitest'
import { onAbort } from '../../lib/generation/on-abort.js'

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
