import { expect, test, vi } from 'vitest'
import { Interrupts } from '../../lib/cli/interrupts.js'

test('at the prompt the first warns, the second leaves', () => {
  const interrupts = new Interrupts()
  expect(interrupts.interrupt()).toBe('warn')
  expect(interrupts.interrupt()).toBe('leave')
})

test('the first cancels an answer, the second leaves', () => {
  const interrupts = new Interrupts()
  const cancel = vi.fn()
  interrupts.during(cancel)
  expect(interrupts.interrupt()).toBe('cancelled')
  interrupts.during(undefined)
  expect(cancel).toHaveBeenCalledOnce()
  expect(interrupts.interrupt()).toBe('leave')
})

test('what is typed in between makes the next one a first one', () => {
  const interrupts = new Interrupts()
  interrupts.interrupt()
  interrupts.reset()
  expect(interrupts.interrupt()).toBe('warn')
})
