import { expect, it } from 'vitest'
import { quote } from '../../lib/files/quote.js'

it('shows any value in few words', () => {
  const cyclic: unknown[] = []
  cyclic.push(cyclic)
  expect(quote('a"b\n')).toBe('"a\\"b\\n"')
  expect(quote('x'.repeat(1e6))).toHaveLength(83)
  expect(quote([1, 'a', null])).toBe('[1, "a", null]')
  expect(quote(Array(9).fill(0))).toBe('a list of 9')
  expect(quote(cyclic)).toBe('a list of 1')
  expect(quote({ a: 1 })).toBe('an object')
  expect(quote(2n ** 64n)).toBe('18446744073709551616')
  expect(quote(undefined)).toBe('undefined')
  expect(quote(Symbol('x'))).toBe('symbol')
})
