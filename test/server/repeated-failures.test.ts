import { expect, it } from 'vitest'
import { RepeatedFailures } from '../../lib/server/repeated-failures.js'

/** Failures, and a clock that goes as it is told. */
function failuresAt(start: number) {
  const clock = { now: start }
  return { clock, failures: new RepeatedFailures(() => clock.now) }
}

it('the third in a row begins a pause, and each more doubles it, to five minutes', () => {
  const { clock, failures } = failuresAt(1e6)
  const pauses: number[] = []
  for (let one = 0; one < 11; one++) {
    failures.failed()
    pauses.push(failures.pause)
    clock.now += failures.pause
  }
  expect(pauses).toEqual([0, 0, 5e3, 10e3, 20e3, 40e3, 80e3, 160e3, 300e3, 300e3, 300e3])
  expect(failures.count).toBe(11)
})

it('a pause passes, which forgives nothing', () => {
  const { clock, failures } = failuresAt(0)
  for (let one = 0; one < 3; one++) failures.failed()
  clock.now += 4999
  expect(failures.pause).toBe(1)
  clock.now += 3600e3
  expect(failures.pause).toBe(0)
  failures.failed()
  expect(failures.pause).toBe(10e3)
})

it('a success forgives all', () => {
  const { failures } = failuresAt(0)
  for (let one = 0; one < 5; one++) failures.failed()
  failures.succeeded()
  expect([failures.count, failures.pause]).toEqual([0, 0])
  failures.failed()
  failures.failed()
  expect(failures.pause).toBe(0)
  failures.failed()
  expect(failures.pause).toBe(5e3)
})

it('stays bounded however many there are', () => {
  const { failures } = failuresAt(0)
  for (let one = 0; one < 5000; one++) failures.failed()
  expect(failures.pause).toBe(300e3)
})
