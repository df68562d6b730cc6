import fc from 'fast-check'
import { expect, it } from 'vitest'
import { Spans } from '../../lib/hub/spans.js'

const length = 40
const span = fc
  .tuple(fc.nat(length - 1), fc.integer({ min: 1, max: 12 }))
  .map(([start, bytes]) => ({ start, end: Math.min(length, start + bytes) }))

it('spans are the bytes that are in one of them', () => {
  fc.assert(
    fc.property(fc.array(span, { maxLength: 20 }), (list) => {
      const present = Array.from({ length }, (_, at) =>
        list.some(({ start, end }) => at >= start && at < end),
      )
      const one = Spans.of(list)
      const other = new Spans()
      for (const each of list) other.add(each)
      for (const spans of [one, other]) {
        expect(spans.total).toBe(present.filter(Boolean).length)
        const gaps = spans.gaps(length)
        expect(present.map((_, at) => !gaps.some(({ start, end }) => at >= start && at < end))).toEqual(
          present,
        )
        for (const [i, gap] of gaps.entries()) expect(gap.start).toBeGreaterThan(gaps[i - 1]?.end ?? -1)
      }
    }),
  )
})
