import { type Command, InvalidArgumentError, Option } from 'commander'
import { addModelFlags, loadOptions, type ModelFlags, whole } from '../model-flags.js'
import { outputOf } from '../output.js'
import { servedSources } from '../served-sources.js'
import { drive, type Load, type Sample } from './load-driver.js'
import { modelAt, refuseLoadFlags } from './other-server.js'
import { percentile } from './percentiles.js'

interface Flags extends ModelFlags, Omit<Load, 'url' | 'model' | 'onDone'> {
  url?: string
  json?: boolean
}

export function registerServe(bench: Command): void {
  const { out, err } = outputOf(bench)
  const command = bench
    .command('serve')
    .description('measure a server that speaks as OpenAI does: at --url, or one of our own for --model')
  addModelFlags(command)
    .option(
      '--url <url>',
      'where the server is, without /v1 (default: one in this process, which shares its time)',
    )
    .option('--api-key <key>', 'what the server wants')
    .addOption(
      new Option('--rate <n>', 'requests per second, at random moments; inf: all at once')
        .argParser(rate)
        .default(Number.POSITIVE_INFINITY, 'inf'),
    )
    .option('--requests <n>', 'how many', whole, 50)
    .option('--concurrency <n>', 'requests that are open at a time', whole, 256)
    .option('--prompt <n>', 'about so many tokens of each prompt', whole, 128)
    .option('--generate <n>', 'tokens of each answer', whole, 64)
    .option('--no-ignore-eos', 'let answers end where they do; for servers that do not know ignore_eos')
    .option('--json', 'print one JSON object')
    .action(async (flags: Flags) => {
      if (flags.url !== undefined) refuseLoadFlags(command)
      const own = flags.url === undefined ? await ownServer(flags, err) : undefined
      const url = (flags.url ?? own?.url ?? '').replace(/\/+$/, '')
      try {
        const model = await modelAt(url, own ? undefined : flags.model, flags.apiKey)
        const load: Load = { ...flags, url, model, onDone: (n) => err(progress(n, flags.requests)) }
        const report = reportOf(await drive(load), { ...flags, url, model })
        out(flags.json ? `${JSON.stringify(report, null, 2)}\n` : describe(report))
      } finally {
        await own?.close({ grace: 0 })
      }
    })
}

async function ownServer(flags: Flags, err: (text: string) => void) {
  const { serve } = await import('../../server/index.js')
  const [[name, source]] = [...servedSources(flags.model === undefined ? [] : [flags.model])] as [
    [string, string | undefined],
  ]
  err(`serving ${name} in this process\n`)
  const server = await serve({
    models: { [name]: { source, options: loadOptions(flags) } },
    port: 0,
    log: 'off',
  })
  await server.preload()
  return server
}

function reportOf(
  { samples, seconds }: { samples: Sample[]; seconds: number },
  { url, model, rate, concurrency, prompt, generate }: Flags & { url: string; model: string },
) {
  const whole = samples.filter((sample) => sample.error === undefined)
  const tokens = whole.reduce((sum, sample) => sum + sample.completionTokens, 0)
  const promptTokens = whole.reduce((sum, sample) => sum + sample.promptTokens, 0)
  const errors: Record<string, number> = {}
  for (const { error } of samples) if (error !== undefined) errors[error] = (errors[error] ?? 0) + 1
  const spread = (values: number[]) => ({
    mean: values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length),
    p50: percentile(values, 50),
    p95: percentile(values, 95),
    p99: percentile(values, 99),
  })
  return {
    ...{
      url,
      model,
      requestRate: rate === Number.POSITIVE_INFINITY ? 'inf' : rate,
      concurrency,
      prompt,
      generate,
    },
    ...{ completed: whole.length, failed: samples.length - whole.length, errors, seconds },
    ...{ promptTokens, generatedTokens: tokens },
    requestsPerSecond: whole.length / seconds,
    outputTokensPerSecond: tokens / seconds,
    totalTokensPerSecond: (tokens + promptTokens) / seconds,
    ttftMs: spread(whole.map((sample) => sample.firstMs)),
    tpotMs: spread(
      whole
        .filter((sample) => sample.completionTokens > 1)
        .map((sample) => (sample.lastMs - sample.firstMs) / (sample.completionTokens - 1)),
    ),
    itlMs: spread(whole.flatMap((sample) => sample.gapsMs)),
    e2eMs: spread(whole.map((sample) => sample.lastMs)),
  }
}

function describe(report: ReturnType<typeof reportOf>): string {
  const ms = ({ p50, p95, p99 }: { p50: number; p95: number; p99: number }) =>
    `p50 ${p50.toFixed(1)}, p95 ${p95.toFixed(1)}, p99 ${p99.toFixed(1)} ms`
  const errors = Object.entries(report.errors).map(([error, times]) => `${times} × ${error}`)
  const rows: [string, string][] = [
    ['model', `${report.model} at ${report.url}`],
    ['requests', `${report.completed} in ${report.seconds.toFixed(1)} s, ${report.failed} failed`],
    ...errors.map((error): [string, string] => ['', error]),
    ['tokens', `${report.promptTokens} in, ${report.generatedTokens} out`],
    [
      'out',
      `${report.outputTokensPerSecond.toFixed(1)} tokens/s, ${report.requestsPerSecond.toFixed(2)} requests/s`,
    ],
    ['first token', ms(report.ttftMs)],
    ['between', ms(report.itlMs)],
    ['per token', ms(report.tpotMs)],
    ['whole', ms(report.e2eMs)],
  ]
  return `${rows.map(([name, value]) => `${name.padEnd(12)} ${value}`).join('\n')}\n`
}

function progress(done: number, all: number): string {
  if (!process.stderr.isTTY) return ''
  return done === all ? '\r\x1b[K' : `\r\x1b[K${done} of ${all}`
}

/** Requests per second. */
function rate(text: string): number {
  const value = text === 'inf' ? Number.POSITIVE_INFINITY : Number(text)
  if (value > 0) return value
  throw new InvalidArgumentError('expected a number above 0, or inf')
}
