import type { FinishReason, GenerationResult } from '../../index.js'
import type { ServedModels } from '../served-models.js'
import { modelGauges } from './model-gauges.js'
import { processMetrics } from './process-metrics.js'
import { Counter, Histogram } from './prometheus.js'

/** What is told of a generation when it has ended. */
export type Outcome = Pick<GenerationResult, 'usage' | 'finishReason' | 'timings'>

/** Seconds, of what takes from a step to minutes. */
const seconds = [
  ...[0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5],
  ...[5, 10, 20, 40, 80, 160, 320, 640, 1280],
]
/** Seconds, of one token. */
const tokenSeconds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.5, 1, 2.5, 5, 10]
const tokenCounts = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 20_000, 50_000, 100_000]

/** In the words of vLLM, whose dashboards and gateways read them. */
const reasons: Record<FinishReason, string> = {
  stop: 'stop',
  'tool-calls': 'stop',
  length: 'length',
  cancelled: 'abort',
}

/** What a server counts, under the names that vLLM gave them. */
export class ServerMetrics {
  readonly #promptTokens = new Counter('vllm:prompt_tokens_total', 'Tokens of prompts.')
  readonly #generated = new Counter('vllm:generation_tokens_total', 'Tokens that were generated.')
  readonly #cacheQueries = new Counter(
    'vllm:prefix_cache_queries_total',
    'Tokens of prompts that were looked up in the prefix cache.',
  )
  readonly #cacheHits = new Counter(
    'vllm:prefix_cache_hits_total',
    'Tokens of prompts that were found in the prefix cache.',
  )
  readonly #ended = new Counter('vllm:request_success_total', 'Generations that ended, by why they did.')
  readonly #firstToken = new Histogram(
    'vllm:time_to_first_token_seconds',
    seconds,
    'From the request to its first token.',
  )
  readonly #betweenTokens = [
    new Histogram(
      'vllm:inter_token_latency_seconds',
      tokenSeconds,
      'Between one token and the next: the mean of its generation, for each token.',
    ),
    new Histogram(
      'vllm:time_per_output_token_seconds',
      tokenSeconds,
      'The older name of vllm:inter_token_latency_seconds.',
    ),
  ]
  readonly #perToken = new Histogram(
    'vllm:request_time_per_output_token_seconds',
    tokenSeconds,
    'Between one token and the next, the mean of a generation.',
  )
  readonly #latency = new Histogram(
    'vllm:e2e_request_latency_seconds',
    seconds,
    'From the request to its last token.',
  )
  readonly #queued = new Histogram('vllm:request_queue_time_seconds', seconds, 'Before the first step.')
  readonly #prefill = new Histogram(
    'vllm:request_prefill_time_seconds',
    seconds,
    'From the first step to the first token.',
  )
  readonly #decode = new Histogram(
    'vllm:request_decode_time_seconds',
    seconds,
    'From the first token to the last.',
  )
  readonly #promptLengths = new Histogram(
    'vllm:request_prompt_tokens',
    tokenCounts,
    "Tokens of a generation's prompt.",
  )
  readonly #lengths = new Histogram('vllm:request_generation_tokens', tokenCounts, 'Tokens of a generation.')
  readonly #requests = new Counter('quern_http_requests_total', 'HTTP requests that were answered.')

  /** A generation has ended. */
  completed(model: string, { usage, finishReason, timings }: Outcome): void {
    const labels = { model_name: model }
    const decodeSeconds =
      timings.decodeTokensPerSecond > 0 ? (usage.completionTokens - 1) / timings.decodeTokensPerSecond : 0
    this.took(model, usage.promptTokens, usage.cachedTokens)
    this.#generated.add(labels, usage.completionTokens)
    this.#ended.add({ ...labels, finished_reason: reasons[finishReason] })
    this.#promptLengths.observe(labels, usage.promptTokens)
    this.#lengths.observe(labels, usage.completionTokens)
    this.#queued.observe(labels, timings.queuedMs / 1e3)
    this.#firstToken.observe(labels, timings.firstTokenMs / 1e3)
    this.#prefill.observe(labels, (timings.firstTokenMs - timings.queuedMs) / 1e3)
    this.#decode.observe(labels, decodeSeconds)
    this.#latency.observe(labels, timings.firstTokenMs / 1e3 + decodeSeconds)
    if (timings.decodeTokensPerSecond <= 0) return
    const between = 1 / timings.decodeTokensPerSecond
    this.#perToken.observe(labels, between)
    for (const each of this.#betweenTokens) each.observe(labels, between, usage.completionTokens - 1)
  }

  /** A prompt was computed. */
  took(model: string, promptTokens: number, cachedTokens: number): void {
    const labels = { model_name: model }
    this.#promptTokens.add(labels, promptTokens)
    this.#cacheQueries.add(labels, promptTokens)
    this.#cacheHits.add(labels, cachedTokens)
  }

  /** A request came to its end without any of its generations doing so. */
  broken(model: string, reason: 'abort' | 'error'): void {
    this.#ended.add({ model_name: model, finished_reason: reason })
  }

  answered(method: string, path: string, status: number): void {
    this.#requests.add({ method, path, status })
  }

  /** All of it, as a scrape has it. */
  text(models: ServedModels): string {
    const families = [
      ...modelGauges(models),
      ...[this.#promptTokens, this.#generated, this.#cacheQueries, this.#cacheHits, this.#ended],
      ...[this.#firstToken, ...this.#betweenTokens, this.#perToken, this.#latency],
      ...[this.#queued, this.#prefill, this.#decode, this.#promptLengths, this.#lengths],
      this.#requests,
      ...processMetrics(),
    ]
    return families.map((family) => family.text()).join('')
  }
}
