import { expect, test } from 'vitest'
import { quern } from './quern.js'

const bench = (...flags: string[]) =>
  quern('bench', '--prompt', '20', '--generate', '8', '--runs', '2', ...flags)

test('prints one object with the members that the design names', async () => {
  const { code, out } = await bench('--json', '--batch', '2', '--depth', '16', '--threads', '1')
  const report = JSON.parse(out)
  expect(code).toBe(0)
  expect(report).toMatchObject({
    device: 'cpu',
    dtype: 'bf16',
    threads: 1,
    prompt: 20,
    generate: 8,
    depth: 16,
    batch: 2,
  })
  const measured = [
    'loadMs',
    'residentBytes',
    'firstTokenMs',
    'prefillTokensPerSecond',
    'decodeTokensPerSecond',
    'weightBytes',
    'bytesPerToken',
    'bandwidthGBs',
    'machineBandwidthGBs',
    'bandwidthShare',
  ]
  for (const name of measured) expect(report[name], name).toBeGreaterThan(0)
  expect(report.runs).toHaveLength(2)
  expect(report.model).toMatch(/models\/tiny$/)
})

test('says the same for people', async () => {
  const { out } = await bench()
  expect(out).toMatch(/prompt 20 +[\d.]+ tokens\/s, [\d.]+ GFLOP\/s \(\d+ % of \d+\)/)
  expect(out).toMatch(/generate 8 +[\d.]+ tokens\/s, [\d.]+ GB\/s \(\d+ % of [\d.]+\)/)
})
