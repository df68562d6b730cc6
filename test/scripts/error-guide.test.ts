import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'

const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8')

test('docs/errors.md tells of every code', () => {
  const union = read('lib/errors.ts').split('export type QuernErrorCode =')[1]?.split('/**')[0] ?? ''
  const codes = [...union.matchAll(/'(\w+)'/g)].map(([, code]) => code as string)
  expect(codes.length).toBeGreaterThan(40)
  const guide = read('docs/errors.md')
  expect(codes.filter((code) => !guide.includes(`\`${code}\``))).toEqual([])
})
