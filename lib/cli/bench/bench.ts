import { type Command, Option } from 'commander'
import { doctor, type Model } from '../../index.js'
import { formatBytes } from '../bytes.js'
import { loadModel } from '../load-model.js'
import { addModelFlags, decimal, type ModelFlags, whole } from '../model-flags.js'
import { outputOf } from '../output.js'
import { placeOf } from '../place.js'
import { articleTable, tableText } from './article-table.js'
import { matrixProducts } from './flops.js'
import { median } from './percentiles.js'
import { registerServe } from './serve.js'

interface Flags extends ModelFlags {
  prompt: number
  generate: number
  depth: number
  batch: number
  runs: number
  table?: 'article'
  maxMinutes: number
  json?: boolean
}

/** One run: for times the mean over the batch's sequences; for rates all their tokens over the time of the slowest. */
interface BenchRun {
  firstTokenMs: number
  prefillTokensPerSecond: number
  decodeTokensPerSecond: number
}

export function register(program: Command): void {
  const { out, err } = outputOf(program)
  const command = program.command('bench').description('measure a model on this machine: medians over runs')
  registerServe(command.enablePositionalOptions())
  addModelFlags(command)
    .option('--prompt <n>', 'tokens of the prompt', whole, 128)
    .option('--generate <n>', 'tokens to generate', whole, 32)
    .option('--depth <n>', 'tokens put before the prompt and computed with it', whole, 0)
    .option('--batch <n>', 'sequences at a time', whole, 1)
    .option('--runs <n>', 'measurements', whole, 5)
    .addOption(
      new Option(
        '--table <name>',
        'instead: article, the time to the first token and tokens per second at 1K, 32K and 128K of prompt',
      ).choices(['article']),
    )
    .option('--max-minutes <n>', 'of a table: what a row would take beyond it is told, not run', decimal, 10)
    .option('--json', 'print one JSON object')
    .action(async (flags: Flags) => {
      if (flags.table === 'article') {
        const rows = await articleTable(flags, err)
        out(flags.json ? `${JSON.stringify(rows, null, 2)}\n` : tableText(rows))
        return
      }
      const started = performance.now()
      const model = await loadModel(flags, err, { tokenizer: false })
      const loadMs = performance.now() - started
      try {
        const report = await measure(model, flags, loadMs)
        out(flags.json ? `${JSON.stringify(report, null, 2)}\n` : describe(report))
      } finally {
        await model.close()
      }
    })
}

async function measure(model: Model, flags: Flags, loadMs: number) {
  const { device, deviceName, isa, dtype, precision, threads, weightBytes, bytesPerToken, source } =
    model.info
  await runOnce(model, { ...flags, prompt: Math.min(flags.prompt, 16), generate: 2, depth: 0 }, 0) // warms caches and memory up
  const runs: BenchRun[] = []
  for (let run = 1; run <= flags.runs; run++) runs.push(await runOnce(model, flags, run))
  // What a device of a library reaches, nobody here knows.
  const { limits, products: kernels } =
    device === 'cpu'
      ? await doctor({ measure: true, threads, isa, cuda: false })
      : { limits: undefined, products: [] }
  const kernel = kernels.find((one) => one.dtype === dtype && one.precision === precision)
  const decodeTokensPerSecond = median(runs.map((run) => run.decodeTokensPerSecond))
  // A step reads the weights once for the whole batch.
  const bandwidthGBs = ((decodeTokensPerSecond / flags.batch) * bytesPerToken) / 1e9
  const prefillTokensPerSecond = median(runs.map((run) => run.prefillTokensPerSecond))
  // Without the head, which sees the last token only.
  const { config } = model.info
  const prefillGops = (2 * matrixProducts(config) * prefillTokensPerSecond) / 1e9
  return {
    model: source,
    device,
    ...(deviceName !== undefined && { deviceName }),
    isa,
    dtype,
    precision,
    threads,
    prompt: flags.prompt,
    generate: flags.generate,
    depth: flags.depth,
    batch: flags.batch,
    loadMs,
    residentBytes: process.memoryUsage.rss(),
    firstTokenMs: median(runs.map((run) => run.firstTokenMs)),
    prefillTokensPerSecond,
    decodeTokensPerSecond,
    weightBytes,
    bytesPerToken,
    bandwidthGBs,
    ...(limits && {
      machineBandwidthGBs: limits.memoryGBs,
      bandwidthShare: bandwidthGBs / limits.memoryGBs,
    }),
    prefillGops,
    ...(kernel?.gops !== undefined && {
      kernelIsa: kernel.isa,
      activations: kernel.activations,
      machineGops: kernel.gops,
      prefillShare: prefillGops / kernel.gops,
    }),
    runs,
  }
}

type Report = Awaited<ReturnType<typeof measure>>

/** One batch of equal requests with different tokens. */
async function runOnce(
  model: Model,
  { prompt, generate, depth, batch }: Flags,
  run: number,
): Promise<BenchRun> {
  const { vocab } = model.info.config
  const results = await Promise.all(
    Array.from({ length: batch }, (_, sequence) => {
      const tokens = Int32Array.from(
        { length: depth + prompt },
        (_, i) => (i * 7919 + sequence * 104729 + run * 1299709) % vocab,
      )
      return model
        .generate({ tokens }, { maxTokens: generate, temperature: 0, ignoreEos: true, seed: 0 })
        .result()
    }),
  )
  const timings = results.map((result) => result.timings)
  const firstTokensMs = timings.map(({ firstTokenMs }) => firstTokenMs)
  const decodeSeconds = timings.map(({ decodeTokensPerSecond }) => (generate - 1) / decodeTokensPerSecond)
  return {
    firstTokenMs: firstTokensMs.reduce((total, ms) => total + ms, 0) / batch,
    prefillTokensPerSecond: (1e3 * batch * (depth + prompt)) / Math.max(...firstTokensMs),
    decodeTokensPerSecond: generate > 1 ? (batch * (generate - 1)) / Math.max(...decodeSeconds) : 0,
  }
}

function describe(report: Report): string {
  const share = (part: number | undefined, limit: string) =>
    part === undefined ? 'no limit known' : `${(100 * part).toFixed(0)} % of ${limit}`
  const { machineGops, machineBandwidthGBs, kernelIsa, activations } = report
  const arithmetic = `${machineGops?.toFixed(0)} with ${activations === 'int8' ? 'integers' : 'float32'} on ${kernelIsa}`
  const rows: [string, string][] = [
    ['model', `${report.model}, ${report.dtype}, ${formatBytes(report.weightBytes)}`],
    ['on', `${placeOf(report)}, ${report.threads} threads`],
    ['load', `${(report.loadMs / 1e3).toFixed(1)} s, ${formatBytes(report.residentBytes)} resident`],
    ['first token', `${report.firstTokenMs.toFixed(0)} ms`],
    [
      `prompt ${report.depth > 0 ? `${report.depth} + ` : ''}${report.prompt}`,
      `${report.prefillTokensPerSecond.toFixed(1)} tokens/s, ${report.prefillGops.toFixed(0)} Gop/s (${share(report.prefillShare, arithmetic)})`,
    ],
    [
      `generate ${report.generate}`,
      `${report.decodeTokensPerSecond.toFixed(1)} tokens/s, ${report.bandwidthGBs.toFixed(1)} GB/s (${share(report.bandwidthShare, `${machineBandwidthGBs?.toFixed(1)}`)})`,
    ],
  ]
  return `${rows.map(([name, value]) => `${name.padEnd(14)} ${value}`).join('\n')}\n`
}
