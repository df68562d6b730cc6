// 200 rounds of everything that a request can go through, in a process of its own; prints the slope of resident memory in bytes a round.
// usage: node --expose-gc memory-rounds.mjs path/of/dist/index.js
import { setImmediate as turn } from 'node:timers/promises'
import { slope } from '../soak/gauges.mjs'

const { load } = await import(process.argv[2])
const rounds = 200
const settled = 50 // rounds that warm caches and pools up

async function readSome(generation, pieces) {
  for await (const _ of generation) if (--pieces === 0) break
}

async function round(model) {
  const options = { maxTokens: 12, ignoreEos: true, temperature: 0.8 }
  const start = (prompt, more) => model.generate(prompt, { ...options, ...more })
  const controller = new AbortController()
  const cancelled = start('Once upon a time', { maxTokens: 400 })
  const work = [
    start('Once upon a time').text(),
    start({ tokens: [5, 6, 7] }).result(),
    readSome(start('There was a fox'), 3),
    readSome(start('There was a bear'), Infinity),
    readSome(start('Once', { maxTokens: 400, signal: controller.signal }), Infinity).catch(() => {}),
    start('x', { maxTokens: -1 })
      .text()
      .catch(() => {}),
    start({ tokens: [1e6] })
      .text()
      .catch(() => {}),
    model.logits([1, 2, 3]),
  ]
  await turn()
  cancelled.cancel()
  controller.abort()
  await Promise.all(work)
}

// As many threads on every machine: each has an arena of its own.
const model = await load(undefined, { threads: 2, kvCache: { maxBytes: 2 ** 22 } })
// Touches every page of the KV cache: prefixes that are kept would do so in the course of time.
const positions = 16 * model.stats().kvCache.pages
await model.logits(
  Int32Array.from({ length: positions }, (_, i) => i),
  { positions: 'last' },
)
const resident = []
for (let i = 0; i < rounds; i++) {
  await round(model)
  global.gc()
  await turn()
  if (i >= settled) resident.push(process.memoryUsage.rss())
}
const { active, queued, kvCache } = model.stats()
await model.close()
console.log(
  JSON.stringify({
    slope: slope(resident),
    first: resident[0],
    last: resident.at(-1),
    active,
    queued,
    pagesInUse: kvCache.pagesInUse,
  }),
)
