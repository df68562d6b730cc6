// Many requests of one call: never more than a bound at a time, and one failure ends them all.
import { getEventListeners } from 'node:events'
import { describe, expect, it } from 'vitest'
import { QuernError } from '../../lib/errors.js'
import { onAbort } from '../../lib/on-abort.js'
import { askInFlight } from '../../lib/tasks/in-flight.js'

const wide = { maxQueue: 4096 }
const tick = () => new Promise((resolve) => setImmediate(resolve))
const overloaded = () => new QuernError('overloaded', 'too many wait')

/** An engine that answers after a turn, whose queue has room for so many. */
function engine(room = Number.POSITIVE_INFINITY) {
  const state = { running: 0, most: 0, room }
  const ask = async (item: number): Promise<number> => {
    if (state.running >= state.room) throw overloaded()
    state.most = Math.max(state.most, ++state.running)
    await tick()
    state.running--
    return item * 2
  }
  return { state, ask }
}

const items = Array.from({ length: 1000 }, (_, i) => i)
const doubled = items.map((item) => item * 2)

describe('askInFlight', () => {
  it.each([
    [4096, 64],
    [10, 10],
    [1, 1],
  ])('with a queue of %i, asks %i at a time', async (maxQueue, most) => {
    const { state, ask } = engine()
    expect(await askInFlight(items, ask, {}, { maxQueue })).toEqual(doubled)
    expect(state.most).toBe(most)
  })

  it('takes nothing for an answer to nothing', async () => {
    expect(await askInFlight([], engine().ask, {}, wide)).toEqual([])
  })

  it('goes on with as many as the queue takes in, and fails where it takes none', async () => {
    const { state, ask } = engine(5)
    expect(await askInFlight(items, ask, {}, wide)).toEqual(doubled)
    expect(state.most).toBe(5)
    await expect(askInFlight(items, engine(0).ask, {}, wide)).rejects.toMatchObject({ code: 'overloaded' })
  })

  it('a failure ends the others and is what it rejects with', async () => {
    const aborted: unknown[] = []
    const ask = (item: number, _: number, signal: AbortSignal) =>
      new Promise<number>((_, reject) => {
        onAbort(signal, () => {
          aborted.push(item)
          reject(signal.reason)
        })
        if (item === 63) setImmediate(() => reject(new Error('the last')))
      })
    await expect(askInFlight(items.slice(0, 100), ask, {}, wide)).rejects.toThrow('the last')
    await tick()
    expect(aborted).toHaveLength(64)
  })

  it('an abort ends it at once; afterwards nobody listens', async () => {
    const controller = new AbortController()
    const { signal } = controller
    const reason = new Error('enough')
    const started: number[] = []
    const ask = async (item: number, _: number, stop: AbortSignal) => {
      started.push(item)
      if (item === 70) controller.abort(reason)
      await tick()
      stop.throwIfAborted()
    }
    await expect(askInFlight(items, ask, { signal }, wide)).rejects.toBe(reason)
    expect(started.length).toBeLessThan(200)
    expect(getEventListeners(signal, 'abort')).toHaveLength(0)
    await expect(askInFlight(items, engine().ask, { signal }, wide)).rejects.toBe(reason)
  })

  it('leaves the event loop time between long preparations', async () => {
    let turns = 0
    let lastsUntil = 0
    const counting = setInterval(() => turns++, 1)
    const slow = async (item: number) => {
      const until = performance.now() + 2
      while (performance.now() < until) lastsUntil = turns
      await tick()
      return item
    }
    await askInFlight(items.slice(0, 100), slow, {}, wide)
    clearInterval(counting)
    expect(lastsUntil).toBeGreaterThan(10) // 200 ms of preparations, at most 8 in one go
  })
})
