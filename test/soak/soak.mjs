// Hours of use in one process: rounds of mixed callers, after each of which memory, handles, threads and pages are read and decoding
// speed is measured. Ends with a report and exit code 1 if anything grew, stayed behind or slowed down.
// usage: node --expose-gc test/soak/soak.mjs [--minutes 30] [--round-seconds 20] [--clients 8] [--model folder] [--json file]
import { writeFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { Worker } from 'node:worker_threads'
import { clients } from './clients.mjs'
import { median, readGauges, slope } from './gauges.mjs'

const { values: flags } = parseArgs({
  options: {
    minutes: { type: 'string', default: '30' },
    'round-seconds': { type: 'string', default: '20' },
    clients: { type: 'string', default: '8' },
    model: { type: 'string' },
    json: { type: 'string' },
  },
})
const minutes = Number(flags.minutes)
const roundMs = 1e3 * Number(flags['round-seconds'])
const judgesTrends = minutes >= 5 // in a few rounds pools and caches still warm up
const entry = new URL('../../dist/index.mjs', import.meta.url).href
const { load } = await import(entry)

/** One client after another until the round ends. */
async function callUntil(end, model, counts) {
  const names = Object.keys(clients)
  while (performance.now() < end) {
    const name = names[Math.floor(Math.random() * names.length)]
    const tokens = await clients[name](model, Math.random)
    counts.tokens += tokens
    counts[name] = (counts[name] ?? 0) + 1
  }
}

/** A second model that comes and goes, at times in the middle of its work. */
async function reload() {
  const model = await load(flags.model, { threads: 1, kvCache: { maxBytes: 2 ** 23 } })
  const running = model.generate('Once upon a time', { maxTokens: 300, ignoreEos: true }).text()
  const outcome = running.then(
    () => 'ended',
    (error) => error.code,
  )
  await sleep(50 * Math.random())
  await model.close()
  const found = await outcome
  if (found !== 'ended' && found !== 'closed') throw new Error(`a closed model's request: ${found}`)
  await load('/no/such/model').then(
    () => Promise.reject(new Error('a missing model loaded')),
    (error) => error.code === 'missing_file' || Promise.reject(error),
  )
}

async function inWorker() {
  const end = Math.random() < 0.5 ? 'close' : 'terminate'
  const worker = new Worker(new URL('worker.mjs', import.meta.url), {
    workerData: { entry, model: flags.model, end },
  })
  const ended = new Promise((resolve, reject) => {
    worker.on('error', reject)
    worker.on('exit', resolve)
  })
  await Promise.race([new Promise((resolve) => worker.once('message', resolve)), ended])
  if (end === 'terminate') await worker.terminate()
  await ended
}

/** Tokens per second of one sequence alone. */
async function decodeSpeed(model) {
  const speeds = []
  for (let i = 0; i < 5; i++) {
    const options = { maxTokens: 200, ignoreEos: true, temperature: 0 }
    speeds.push((await model.generate('Once upon a time', options).result()).timings.decodeTokensPerSecond)
  }
  return median(speeds)
}

/** Milliseconds after which what should end does not, on however busy a machine. */
const hang = 60_000

async function settle(model) {
  const deadline = performance.now() + hang
  for (;;) {
    global.gc() // an abandoned generation ends when it is collected
    await sleep(20)
    const { active, queued, kvCache } = model.stats()
    if (active === 0 && queued === 0 && kvCache.pagesInUse === 0) return
    if (performance.now() > deadline)
      throw new Error(`still there: ${active} active, ${queued} queued, ${kvCache.pagesInUse} pages`)
  }
}

/** The gauges, once no more files and threads are there than before: what has just ended may hold its own for a moment. */
async function readWhenLevel(before) {
  const deadline = performance.now() + 10_000
  for (;;) {
    const now = readGauges()
    if (now.files <= before.files && now.threads <= before.threads) return now
    if (performance.now() > deadline) return now
    await sleep(50)
  }
}

const model = await load(flags.model, { kvCache: { maxBytes: 2 ** 24 } })
const rounds = []
const started = performance.now()
while (performance.now() - started < 60e3 * minutes || rounds.length < 3) {
  const counts = { tokens: 0 }
  const end = performance.now() + roundMs
  const callers = Array.from({ length: Number(flags.clients) }, () => callUntil(end, model, counts))
  await Promise.all([...callers, reload(), inWorker()])
  await settle(model)
  const round = { ...readGauges(), tokensPerSecond: await decodeSpeed(model), ...counts }
  rounds.push(round)
  console.log(
    `${((performance.now() - started) / 60e3).toFixed(1)} min: ${(round.residentBytes / 2 ** 20).toFixed(1)} MiB, ` +
      `${round.handles} handles, ${round.files} files, ${round.threads} threads, ${round.tokensPerSecond.toFixed(0)} tokens/s, ` +
      `${counts.tokens} tokens in the round`,
  )
}
const third = Math.ceil(rounds.length / 3)
const settled = rounds.slice(third)
const left = await readWhenLevel(settled[0])
await model.close()

const column = (name, of = settled) => of.map((round) => round[name])
const report = {
  minutes: (performance.now() - started) / 60e3,
  rounds: rounds.length,
  residentBytes: {
    first: rounds[third]?.residentBytes,
    last: rounds.at(-1).residentBytes,
    slopePerRound: slope(column('residentBytes')),
  },
  heapBytes: { slopePerRound: slope(column('heapBytes')) },
  // One or two come and go with timers and workers that are just ending.
  handles: {
    first: Math.max(...column('handles', settled.slice(0, third))),
    last: median(column('handles', settled.slice(-third))),
  },
  files: { first: settled[0].files, last: left.files },
  threads: { first: settled[0].threads, last: left.threads },
  tokensPerSecond: {
    start: median(column('tokensPerSecond', rounds.slice(0, third))),
    end: median(column('tokensPerSecond', rounds.slice(-third))),
  },
}
const { residentBytes, handles, files, threads, tokensPerSecond } = report
const problems = [
  // Growth over the whole run by the fitted line, in a process of some hundred MiB.
  judgesTrends && residentBytes.slopePerRound * settled.length > 8 * 2 ** 20 && 'resident memory grows',
  judgesTrends && handles.last > handles.first && 'handles grow',
  files.last > files.first && 'open files grow',
  threads.last > threads.first && 'threads grow',
  judgesTrends && tokensPerSecond.end < 0.97 * tokensPerSecond.start && 'decoding became slower',
].filter(Boolean)
console.log(JSON.stringify({ ...report, problems }, null, 2))
if (flags.json) writeFileSync(flags.json, JSON.stringify({ ...report, problems, all: rounds }, null, 2))
process.exitCode = problems.length === 0 ? 0 : 1
