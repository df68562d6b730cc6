import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Queue } from '../../lib/generation/queue.js'
import { expectLinear } from '../linear.js'

test('first in, first out', () => {
  fc.assert(
    fc.property(fc.array(fc.oneof(fc.nat(), fc.constant('take' as const))), (steps) => {
      const queue = new Queue<number>()
      const array: number[] = []
      for (const step of steps) {
        if (step === 'take') expect(queue.shift()).toBe(array.shift())
        else {
          queue.push(step)
          array.push(step)
        }
        expect([queue.length, ...queue]).toEqual([array.length, ...array])
      }
    }),
  )
})

test.each([
  ['filled, then emptied', 0],
  ['always a few behind', 300],
  ['read at once', 1],
])('%s', async (_, behind) => {
  await expectLinear(50_000, (size) => {
    const queue = new Queue<number>()
    for (let i = 0; i < size; i++) {
      queue.push(i)
      if (behind > 0 && queue.length >= behind) queue.shift()
    }
    while (queue.shift() !== undefined);
  })
})
