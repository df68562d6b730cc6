// All work of ours together holds the event loop no longer than one of its kind would.
import { expect, it } from 'vitest'
import { inTurns } from '../lib/files/steps.js'
import { longestTurn } from './longest-turn.js'

function* busy(milliseconds: number) {
  for (let done = 0; done < milliseconds; done++) {
    const until = process.cpuUsage().user + 1000
    while (process.cpuUsage().user < until);
    yield undefined
  }
  return milliseconds
}

it('many pieces of work share a turn', async () => {
  const works = Array.from({ length: 20 }, () => busy(10))
  let done: number[] = []
  const longest = await longestTurn(async () => {
    done = await Promise.all(works.map((work) => inTurns(work)))
  })
  expect(done).toEqual(works.map(() => 10))
  expect(longest).toBeLessThan(60) // at least a step of each in every turn
})
