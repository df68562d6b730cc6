import { describe, expect, test } from 'vitest'
import { expectLinear } from './linear.js'
import { Random } from './random.js'

const size = 1000

/** Work that takes as many milliseconds as the function says, each time up to `noise` times longer, and is done in none. */
function expectLinearTime(milliseconds: (size: number) => number, noise = 1): Promise<void> {
  const random = new Random(1)
  let time = 0
  return expectLinear(
    size,
    (size) => {
      time = milliseconds(size)
    },
    async (repeats, work) => {
      work()
      return repeats * time * (1 + random.next() * (noise - 1))
    },
  )
}

describe('linear', () => {
  test.each<[what: string, milliseconds: (size: number) => number]>([
    ['proportional', (n) => n / 1000],
    ['with a beginning', (n) => 0.5 + n / 1000],
    ['with a logarithm', (n) => (n * Math.log(n)) / 1000],
    ['with a step, where the input outgrows a cache', (n) => (n > 2 * size ? n / 250 : n / 1000)],
    ['with a gentler one', (n) => (n / 1000) * Math.min(4, Math.sqrt(n / size))],
  ])('%s', async (_, milliseconds) => {
    await expectLinearTime(milliseconds)
    await expectLinearTime(milliseconds, 2)
  })
})

describe('not linear', () => {
  test.each<[what: string, milliseconds: (size: number) => number]>([
    ['the square', (n) => n ** 2 / 1e6],
    ['less than the square', (n) => n ** 1.4 / 1e4],
    ['a square beneath linear work', (n) => n / 1000 + n ** 2 / 3e6],
  ])('%s', async (_, milliseconds) => {
    await expect(expectLinearTime(milliseconds)).rejects.toThrow(
      /^1000: .* ms, 4000: .* ms; 4000: .* ms, 16000: .* ms/,
    )
  })

  test('the square, however noisy the machine', async () => {
    await expect(expectLinearTime((n) => n ** 2 / 1e6, 2)).rejects.toThrow()
  })

  test('what copies all that it has, for each piece', async () => {
    await expect(
      expectLinear(1000, (size) => {
        let all: number[] = []
        for (let i = 0; i < size; i++) all = all.concat(i)
      }),
    ).rejects.toThrow()
  })
})
