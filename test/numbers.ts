import { expect } from 'vitest'
import type { Logits } from '../lib/index.js'

/** As the goldens state it: a number passes if abs(got - want) <= logits_atol + rtol * abs(want). */
export interface Tolerance {
  logits_atol: number
  rtol: number
}

/** Expects every number to be within the tolerance. */
export function expectWithin(
  got: ArrayLike<number>,
  want: ArrayLike<number>,
  { logits_atol: atol, rtol }: Tolerance,
  what: string,
): void {
  expect(got.length, what).toBe(want.length)
  let worst = 0
  let at = 0
  for (let i = 0; i < want.length; i++) {
    const excess =
      Math.abs((got[i] as number) - (want[i] as number)) / (atol + rtol * Math.abs(want[i] as number))
    if (excess <= worst || Number.isNaN(worst)) continue // a NaN stays the worst
    worst = excess
    at = i
  }
  expect(
    worst,
    `${what}: number ${at} is ${got[at]}, expected ${want[at]}; distance in tolerances`,
  ).toBeLessThanOrEqual(1)
}

/** The largest difference of two arrays. */
export function largestDifference(got: ArrayLike<number>, want: ArrayLike<number>): number {
  expect(got.length).toBe(want.length)
  let largest = 0
  for (let i = 0; i < want.length; i++) {
    const difference = Math.abs((got[i] as number) - (want[i] as number))
    if (!(difference <= largest) && !Number.isNaN(largest)) largest = difference // a NaN stays the largest
  }
  return largest
}

/** One row of logits; negative positions count from the end. */
export function rowAt({ data, shape: [rows, vocab] }: Logits, position: number): Float32Array {
  const row = position < 0 ? rows + position : position
  return data.subarray(row * vocab, (row + 1) * vocab)
}

/** The places of the largest numbers, the largest first. */
export function topIndices(row: Float32Array, count: number): number[] {
  return [...row.keys()].sort((a, b) => (row[b] as number) - (row[a] as number)).slice(0, count)
}
