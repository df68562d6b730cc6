import { expect, test } from 'vitest'
import { quern } from './quern.js'

test('tells what the machine offers', async () => {
  const { code, out } = await quern('doctor')
  expect(code).toBe(0)
  expect(out).toMatch(/^platform +linux-x64, Node \d/)
  expect(out).toMatch(/^instructions +baseline/m)
  expect(out).not.toContain('GFLOP')
})

test('--json is the report, --measure its limits', async () => {
  const { out } = await quern('doctor', '--json', '--measure', '--threads', '1')
  const { processors, isas, limits } = JSON.parse(out)
  expect(processors).toBeGreaterThan(0)
  expect(limits).toMatchObject({ isa: isas.at(-1), threads: 1 })
  expect(limits.memoryGBs).toBeGreaterThan(0.1)
  expect(limits.gflops).toBeGreaterThan(0.1)
})
