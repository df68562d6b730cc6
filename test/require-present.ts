import { expect, test } from 'vitest'

/**
 * Registers a test that says whether something is there that other tests need and a checkout may lack. Its absence is a failure in CI, so none
 * is passed over there; elsewhere it is a visible skip that says how to get it.
 *
 * @param missing Why it is not there, or how to get it; undefined: it is there.
 */
export function requirePresent(what: string, missing: string | undefined): void {
  if (missing !== undefined && !process.env.CI) test.skip(`without ${what}: ${missing}`, () => {})
  else test(`${what}: there`, () => expect(missing).toBeUndefined())
}
