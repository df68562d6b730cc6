import { setImmediate as turnOfLoop } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { inGpuTurn } from '../../lib/model/gpu-turns.js'

/** Loads that end when they are told to; `events` says in which order things happened. */
function loads() {
  const events: string[] = []
  const begin = (name: string, gpu: number | 'any', signal?: AbortSignal) => {
    let end = (_error?: Error) => {}
    const work = () => {
      events.push(`${name} begins`)
      return new Promise<string>((resolve, reject) => {
        end = (error) => (error ? reject(error) : resolve(name))
      })
    }
    const result = inGpuTurn(gpu, signal, work)
    result.catch(() => {}) // whoever is interested awaits it
    return { result, end: (error?: Error) => end(error) }
  }
  return { events, begin }
}

it('one that may take any GPU waits for all before it, and all after it wait for it', async () => {
  const { events, begin } = loads()
  const first = begin('first', 1)
  const any = begin('any', 'any')
  const after = begin('after', 0)
  await turnOfLoop()
  expect(events).toEqual(['first begins'])
  first.end()
  await turnOfLoop()
  expect(events).toEqual(['first begins', 'any begins'])
  any.end()
  await turnOfLoop()
  expect(events).toEqual(['first begins', 'any begins', 'after begins'])
  after.end()
  expect(await Promise.all([first.result, any.result, after.result])).toEqual(['first', 'any', 'after'])
})

it('those of different GPUs go side by side, those of one after each other', async () => {
  const { events, begin } = loads()
  const all = [begin('a0', 0), begin('b1', 1), begin('c0', 0)]
  await turnOfLoop()
  expect(events).toEqual(['a0 begins', 'b1 begins'])
  all[0]?.end()
  await turnOfLoop()
  expect(events).toEqual(['a0 begins', 'b1 begins', 'c0 begins'])
  for (const one of all) one.end()
  await Promise.all(all.map(({ result }) => result))
})

it('one that fails makes way', async () => {
  const { events, begin } = loads()
  const bad = begin('bad', 'any')
  const good = begin('good', 'any')
  await turnOfLoop()
  bad.end(new Error('no room'))
  await expect(bad.result).rejects.toThrow('no room')
  await turnOfLoop()
  expect(events).toEqual(['bad begins', 'good begins'])
  good.end()
  await good.result
})

it('one that is given up while it waits is told at once, begins nothing, and makes way', async () => {
  const { events, begin } = loads()
  const first = begin('first', 0)
  const controller = new AbortController()
  const givenUp = begin('given up', 'any', controller.signal)
  const other = begin('other', 1)
  await turnOfLoop()
  expect(events).toEqual(['first begins'])
  controller.abort(new Error('changed my mind'))
  await expect(givenUp.result).rejects.toThrow('changed my mind')
  await turnOfLoop()
  expect(events).toEqual(['first begins', 'other begins'])
  const behind = begin('behind', 'any', AbortSignal.abort(new Error('too late')))
  await expect(behind.result).rejects.toThrow('too late')
  const last = begin('last', 'any')
  for (const one of [first, other]) one.end()
  await turnOfLoop()
  expect(events).toEqual(['first begins', 'other begins', 'last begins'])
  last.end()
  await last.result
})

it('a thousand wait for their turns', async () => {
  const order: number[] = []
  const each = Array.from({ length: 1000 }, (_, number) =>
    inGpuTurn(number % 3 === 0 ? 'any' : number % 3, undefined, async () => void order.push(number)),
  )
  await Promise.all(each)
  expect(order).toHaveLength(1000)
  expect(order.filter((number) => number % 3 === 0)).toEqual(
    Array.from({ length: 334 }, (_, index) => 3 * index),
  )
})
