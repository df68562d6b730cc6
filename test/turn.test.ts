// All work of ours together holds the event loop no longer than one of its kind would.
import { expect, it } from 'vitest'
import { inTurns } from '../lib/files/steps.js'
import { expectShortTurns } from './longest-turn.js'

function* busy(milliseconds: number) {
  for (let done = 0; done < milliseconds; done++) {
    const until = performance.now() + 1
    while (performance.now() < until);
    yield undefined
  }
  return milliseconds
}

it('many pieces of work share a turn', async () => {
  let done: number[] = []
  // At least a step of each in every turn.
  await expectShortTurns(60, async () => {
    done = await Promise.all(Array.from({ length: 20 }, () => inTurns(busy(10))))
  })
  expect(done).toEqual(new Array(20).fill(10))
})
