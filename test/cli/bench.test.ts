import { expect, test } from 'vitest'
import { load } from '../../lib/index.js'
import { quern } from './quern.js'

const bench = (...flags: string[]) =>
  quern('bench', '--prompt', '20', '--generate', '8', '--runs', '2', ...flags)

test('prints one object with the members that the design names', async () => {
  const start = performance.now()
  const { code, out } = await bench('--json', '--batch', '2', '--depth', '16', '--threads', '1')
  const elapsed = performance.now() - start
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
  // What is known without measuring, and what follows from what was measured.
  const { weightBytes, bytesPerToken, runs } = report
  const model = await load(undefined, { threads: 1 })
  expect(weightBytes).toBe(model.info.weightBytes)
  await model.close()
  expect(bytesPerToken).toBeGreaterThan(weightBytes / 2)
  expect(bytesPerToken).toBeLessThan(weightBytes * 1.1)
  expect(report.residentBytes).toBeGreaterThan(weightBytes)
  expect(report.bandwidthShare).toBeCloseTo(report.bandwidthGBs / report.machineBandwidthGBs, 2)
  expect(report.bandwidthGBs).toBeCloseTo((bytesPerToken * report.decodeTokensPerSecond) / 2 / 1e9, 3) // a batch of 2
  expect(report.loadMs).toBeLessThan(elapsed)
  for (const run of runs) {
    expect(run.firstTokenMs).toBeGreaterThan(0)
    expect(run.firstTokenMs).toBeLessThan(elapsed)
  }
  for (const name of ['firstTokenMs', 'prefillTokensPerSecond', 'decodeTokensPerSecond']) {
    const all = runs.map((run: Record<string, number>) => run[name])
    expect(report[name], name).toBeGreaterThanOrEqual(Math.min(...all))
    expect(report[name], name).toBeLessThanOrEqual(Math.max(...all))
  }
  expect(report.runs).toHaveLength(2)
  expect(report.model).toMatch(/models\/tiny$/)
})

test('says the same for people', async () => {
  const { out } = await bench()
  expect(out).toMatch(/prompt 20 +[\d.]+ tokens\/s, [\d.]+ GFLOP\/s \(\d+ % of \d+\)/)
  expect(out).toMatch(/generate 8 +[\d.]+ tokens\/s, [\d.]+ GB\/s \(\d+ % of [\d.]+\)/)
})
