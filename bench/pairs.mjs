// Whether a checkout is as fast as another: each figure is measured of both right after each other, by processes of their own that keep
// their models, so that what the machine does meanwhile meets both. Prints for each figure the median of new / old and its 95 % interval.
// usage: pairs.mjs [--pairs N] [--figure F …] [--model M] [--threads N] old-checkout new-checkout      (both built; all figures, or those named)
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { join, resolve } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'

const depth = 4096
const ids = (count, seed) =>
  Int32Array.from({ length: count }, (_, i) => (((i + 1) * 7919 + seed * 104_729) % 50_000) + 1)

const run = async (model, tokens, maxTokens) =>
  (await model.generate({ tokens }, { maxTokens, ignoreEos: true, temperature: 0 }).result()).timings

/** Tokens a second. Every prompt is a new one, but for the long one, which is computed once. */
const figures = {
  prompt: async (model, round) => (await run(model, ids(512, round), 1)).prefillTokensPerSecond,
  decode: async (model, round) => (await run(model, ids(16, round), 33)).decodeTokensPerSecond,
  [`decode at ${depth}`]: async (model) => (await run(model, ids(depth, 1), 17)).decodeTokensPerSecond,
  '8 sequences': async (model, round) => {
    const all = await Promise.all(Array.from({ length: 8 }, (_, i) => run(model, ids(16, round * 8 + i), 17)))
    return all.reduce((sum, timings) => sum + timings.decodeTokensPerSecond, 0)
  },
}

async function child(checkout, { model: source, threads }) {
  const { load } = await import(pathToFileURL(join(checkout, 'dist/index.mjs')).href)
  const model = await load(source, { dtype: 'bf16', contextLength: 2 * depth, threads })
  for (const measure of Object.values(figures)) await measure(model, 0) // warms up, and computes the long prompt
  process.on('message', async ({ name, round }) => process.send(await figures[name](model, round)))
  process.send('ready')
}

/** A process that answers with a figure each time that it is asked. */
async function start(checkout) {
  const process_ = fork(fileURLToPath(import.meta.url), [
    ...process.argv.slice(2),
    '--child',
    resolve(checkout),
  ])
  process_.on('exit', (code) => code && process.exit(code))
  await once(process_, 'message')
  return {
    async measure(name, round) {
      process_.send({ name, round })
      return (await once(process_, 'message'))[0]
    },
    stop: () => process_.kill(),
  }
}

/** The median, and the order statistics that hold it with 95 % probability (by the binomial distribution's normal approximation). */
function median(numbers) {
  const sorted = numbers.toSorted((a, b) => a - b)
  const reach = (1.96 * Math.sqrt(sorted.length)) / 2
  const at = (position) => sorted[Math.min(sorted.length - 1, Math.max(0, position))]
  return {
    middle: (at((sorted.length - 1) >> 1) + at(sorted.length >> 1)) / 2,
    low: at(Math.floor(sorted.length / 2 - reach)),
    high: at(Math.ceil(sorted.length / 2 + reach) - 1),
  }
}

const { values, positionals } = parseArgs({
  options: {
    pairs: { type: 'string', default: '15' },
    figure: { type: 'string', multiple: true, default: Object.keys(figures) },
    model: { type: 'string', default: 'random:qwen3-0.6b' },
    threads: { type: 'string' },
    child: { type: 'string' },
  },
  allowPositionals: true,
})
const settings = { model: values.model, threads: values.threads && Number(values.threads) }
if (values.child !== undefined) await child(values.child, settings)
else {
  const sides = [await start(positionals[0]), await start(positionals[1])]
  const found = new Map(values.figure.map((name) => [name, []]))
  for (let round = 1; round <= Number(values.pairs); round++) {
    for (const [name, rows] of found) {
      const measured = []
      for (const side of round % 2 === 0 ? [0, 1] : [1, 0])
        measured[side] = await sides[side].measure(name, round)
      rows.push({ old: measured[0], ratio: measured[1] / measured[0] })
    }
    const ratios = [...found].map(([name, rows]) => `${name} ${rows.at(-1).ratio.toFixed(3)}`)
    console.error(`pair ${round}: ${ratios.join(', ')}`)
  }
  for (const side of sides) side.stop()
  for (const [name, rows] of found) {
    const { middle, low, high } = median(rows.map(({ ratio }) => ratio))
    const old = median(rows.map((row) => row.old)).middle
    console.log(
      `${name}: new / old ${middle.toFixed(3)} (${low.toFixed(3)} to ${high.toFixed(3)}, ${rows.length} pairs; old ${old.toFixed(1)} tokens/s)`,
    )
  }
}
