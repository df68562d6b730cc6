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
