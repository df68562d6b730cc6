import fc from 'fast-check'
import { expect, test } from 'vitest'
import { contains } from '../../lib/chat/contains.js'
import { expectLinear } from '../linear.js'

test('is what includes() says', () => {
  const some = (maxLength: number) => fc.string({ unit: fc.constantFrom('a', 'b'), maxLength })
  fc.assert(
    fc.property(some(24), some(6), (text, pattern) => {
      expect(contains(text, pattern)).toBe(text.includes(pattern))
    }),
    { numRuns: 5000 },
  )
})

test('takes linear time', async () => {
  await expectLinear(10_000, (size) => {
    const half = 'a'.repeat(size)
    contains('a'.repeat(4 * size), `${half}b${half}`)
  })
})
