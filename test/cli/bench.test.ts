import { describe, expect, it, test } from 'vitest'
import { percentile } from '../../lib/cli/bench/percentiles.js'
import { doctor, load } from '../../lib/index.js'
import { serve } from '../../lib/server/index.js'
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
  expect(out).toMatch(/prompt 20 +[\d.]+ tokens\/s, \d+ Gop\/s \(\d+ % of \d+ with float32 on \w+\)/)
  expect(out).toMatch(/generate 8 +[\d.]+ tokens\/s, [\d.]+ GB\/s \(\d+ % of [\d.]+\)/)
})

test.each([
  ['fast', 'int8'],
  ['exact', 'f32'],
])('compares a prompt of integers with what their products reach: %s', async (precision, activations) => {
  const measured = async () =>
    JSON.parse((await bench('--json', '--dtype', 'int4', '--precision', precision)).out)
  let report = await measured()
  // What the machine reaches is measured at another moment than the prompt, and others work then too.
  for (let again = 0; again < 5 && report.prefillShare >= 1; again++) report = await measured()
  const { products } = await doctor()
  const product = products.find((one) => one.dtype === 'int4' && one.precision === precision)
  expect(report).toMatchObject({ dtype: 'int4', precision, activations, kernelIsa: product?.isa })
  expect(report.prefillShare).toBeCloseTo(report.prefillGops / report.machineGops, 6)
  expect(report.prefillShare).toBeLessThan(1)
})

describe('quern bench serve', () => {
  it('measures a server that it starts itself', async () => {
    const { code, out } = await quern(
      'bench',
      'serve',
      '--requests',
      '6',
      '--generate',
      '8',
      '--prompt',
      '20',
      '--threads',
      '1',
      '--json',
    )
    expect(code).toBe(0)
    const report = JSON.parse(out)
    expect(report).toMatchObject({
      model: 'quern-tiny',
      completed: 6,
      failed: 0,
      generatedTokens: 48,
      generate: 8,
      requestRate: 'inf',
    })
    expect(report.promptTokens).toBeGreaterThan(6 * 15)
    for (const name of ['ttftMs', 'tpotMs', 'itlMs', 'e2eMs']) {
      const { p50, p95, p99 } = report[name]
      expect(p50 <= p95 && p95 <= p99, name).toBe(true)
      expect(p99, name).toBeGreaterThan(0)
    }
    expect(report.ttftMs.p50).toBeLessThan(report.e2eMs.p50)
  })

  it('measures another server, and counts what it refuses', async () => {
    const model = await load(undefined, { threads: 1 })
    const server = await serve({
      models: { tiny: model },
      port: 0,
      apiKeys: ['key'],
      maxTokens: 4,
      log: 'off',
    })
    const at = ['bench', 'serve', '--url', `${server.url}/`, '--requests', '3', '--rate', '50', '--json']
    const served = JSON.parse((await quern(...at, '--api-key', 'key', '--generate', '4')).out)
    expect(served).toMatchObject({ model: 'tiny', completed: 3, generatedTokens: 12 })
    const refused = JSON.parse((await quern(...at, '--api-key', 'key', '--generate', '5')).out)
    expect(refused).toMatchObject({ completed: 0, failed: 3 })
    expect(Object.keys(refused.errors)[0]).toMatch(/^400 /)
    expect((await quern(...at)).code).toBe(1)
    await server.close()
    await model.close()
  })

  it('says where nobody answers', async () => {
    for (const model of [[], ['--model', 'a']]) {
      const { code, err } = await quern('bench', 'serve', '--url', 'http://127.0.0.1:1/', ...model)
      expect(code).toBe(1)
      expect(err).toMatch(/^error: no server answers at http:\/\/127\.0\.0\.1:1: .*\(cannot_connect\)\n$/)
    }
    expect((await quern('bench', 'serve', '--url', 'nonsense')).code).toBe(2)
  })

  it('leaves how a model is loaded to the server that it measures', async () => {
    const at = ['bench', 'serve', '--url', 'http://127.0.0.1:1']
    for (const flags of [
      ['--device', 'auto'],
      ['--threads', '1'],
      ['--cache-dir', '/x'],
      ['--attention-sinks', '4,20'],
      ['--kv-cache', '1000000000'],
    ]) {
      const { code, err } = await quern(...at, ...flags)
      expect(code).toBe(2)
      expect(err).toContain(`error: ${flags[0]} is the matter of the server at --url`)
    }
  })

  it('takes a rate above 0', async () => {
    expect((await quern('bench', 'serve', '--rate', '0')).code).toBe(2)
  })
})

describe('quern bench --table article', () => {
  it('says what it cannot run', async () => {
    const { code, out } = await quern('bench', '--table', 'article', '--threads', '1', '--json')
    expect(code).toBe(0)
    const [short, ...long] = JSON.parse(out)
    expect(short).toMatchObject({ prompt: 1024, generate: 512, firstTokenMs: expect.any(Number) })
    expect(long.map((row: { notRun: string }) => row.notRun)).toEqual(
      Array(2).fill("the model's context is 2048 tokens"),
    )
    const hasty = await quern('bench', '--table', 'article', '--threads', '1', '--max-minutes', '0')
    expect(hasty.out).toContain('not run: about')
  })
})

test.each([
  [[], 50, 0],
  [[3], 99, 3],
  [[4, 1, 3, 2], 50, 2.5],
  [[1, 2, 3, 4, 5], 25, 2],
  [Array.from({ length: 101 }, (_, i) => i), 99, 99],
])('of %j the percentile %i is %f', (values, percent, expected) => {
  expect(percentile(values, percent)).toBe(expected)
})
