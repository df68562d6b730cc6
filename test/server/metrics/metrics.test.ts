// What /metrics says, read by a parser that Prometheus's own people wrote.
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { load } from '../../../lib/index.js'
import { createApp, type ServerApp } from '../../../lib/server/index.js'
import { Counter, Histogram } from '../../../lib/server/metrics/prometheus.js'
import { requirePresent } from '../../require-present.js'
import { post } from '../requests.js'

const client = fileURLToPath(new URL('../../../build/prometheus-client', import.meta.url))
const isThere = existsSync(client)
const reader = `
import json, sys
from prometheus_client.parser import text_string_to_metric_families as parse
print(json.dumps([[s.name, s.labels, s.value] for f in parse(sys.stdin.read()) for s in f.samples]))
`

type Sample = [name: string, labels: Record<string, string>, value: number]

function parse(text: string): Sample[] {
  const { stdout, stderr } = spawnSync('python3', ['-c', reader], {
    input: text,
    encoding: 'utf8',
    env: { ...process.env, PYTHONPATH: client },
  })
  if (stdout === '') throw new Error(stderr)
  return JSON.parse(stdout)
}

const scrape = async (app: ServerApp) => (await app.request('/metrics')).text()

const install = 'python3 -m pip install --target build/prometheus-client prometheus_client==0.22.1'
requirePresent('prometheus_client', isThere ? undefined : install)

test.runIf(isThere)('the names and labels that dashboards and gateways read', async () => {
  const model = await load(undefined, { threads: 1 })
  const app = createApp({ models: { 'a "b\\\n': model, later: {} } })
  const request = { prompt: 'Once upon a time', max_tokens: 8, ignore_eos: true }
  await post(app, '/v1/completions', request)
  await (await post(app, '/v1/completions', { ...request, stream: true })).text()
  const samples = parse(await scrape(app))
  const value = (name: string, more: Record<string, string> = {}) =>
    samples.find(
      ([one, labels]) =>
        one === name &&
        Object.entries({ model_name: 'a "b\\\n', ...more }).every(([key, text]) => labels[key] === text),
    )?.[2]
  for (const name of [
    'num_requests_running',
    'num_requests_waiting',
    'kv_cache_usage_perc',
    'gpu_cache_usage_perc',
  ])
    expect(value(`vllm:${name}`), name).toBe(0)
  expect(value('vllm:num_requests_running', { model_name: 'later' })).toBe(0)
  expect(value('vllm:prompt_tokens_total')).toBe(8)
  expect(value('vllm:generation_tokens_total')).toBe(16)
  expect(value('vllm:prefix_cache_queries_total')).toBe(8)
  expect(value('vllm:prefix_cache_hits_total')).toBe(0)
  expect(value('vllm:request_success_total', { finished_reason: 'length' })).toBe(2)
  expect(value('vllm:cache_config_info', { block_size: '16' })).toBe(1)
  for (const name of [
    'time_to_first_token_seconds',
    'e2e_request_latency_seconds',
    'request_queue_time_seconds',
  ])
    expect(value(`vllm:${name}_count`), name).toBe(2)
  for (const name of ['time_per_output_token_seconds', 'inter_token_latency_seconds'])
    expect(value(`vllm:${name}_bucket`, { le: '+Inf' }), name).toBe(14)
  expect(samples.find(([name]) => name === 'process_resident_memory_bytes')?.[2]).toBeGreaterThan(1e6)
  await model.close()
  expect(parse(await scrape(app)).length).toBeGreaterThan(0)
})

test('a counter of two series, a histogram of three buckets', () => {
  const counter = new Counter('a_total', 'Some\nhelp.')
  counter.add({ x: '1' })
  counter.add({ x: '1' }, 2)
  counter.add({ x: '"' })
  expect(counter.text()).toBe(
    '# HELP a_total Some\\nhelp.\n# TYPE a_total counter\na_total{x="1"} 3\na_total{x="\\""} 1\n',
  )
  const histogram = new Histogram('b', [1, 2], 'Help.')
  histogram.observe({}, 1)
  histogram.observe({}, 1.5, 2)
  histogram.observe({}, 9)
  expect(histogram.text()).toBe(
    '# HELP b Help.\n# TYPE b histogram\nb_bucket{le="1"} 1\nb_bucket{le="2"} 3\nb_bucket{le="+Inf"} 4\nb_sum 13\nb_count 4\n',
  )
})
