// JavaScript's share of a token: processor time of the main thread, for 8 streams that are read as they come.
// usage: javascript-share.mjs [--rounds N] [checkout...]   several checkouts are measured in turns, each round in a process of its own
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'

const streams = 8
const tokensEach = 1000
const script = fileURLToPath(import.meta.url)

/** Of the main thread, in seconds: its number is the process's. */
function processorSeconds() {
  const [nanoseconds] = readFileSync(`/proc/self/task/${process.pid}/schedstat`, 'utf8').split(' ')
  return Number(nanoseconds) / 1e9
}

/** Microseconds a token. */
async function measure(checkout) {
  const { load } = await import(pathToFileURL(join(checkout, 'dist/index.mjs')).href)
  const model = await load()
  const options = { maxTokens: tokensEach, ignoreEos: true, temperature: 0.8 }
  const read = async (generation) => {
    let characters = 0
    for await (const text of generation) characters += text.length
    return characters
  }
  const round = async () => {
    const generations = Array.from({ length: streams }, (_, seed) =>
      model.generate('Once upon a time', { ...options, seed }),
    )
    await Promise.all(generations.map(read))
    const results = await Promise.all(generations.map((generation) => generation.result()))
    return results.reduce((sum, { tokens }) => sum + tokens.length, 0)
  }
  await round() // compiles
  const before = processorSeconds()
  const tokens = await round()
  const seconds = processorSeconds() - before
  await model.close()
  return (1e6 * seconds) / tokens
}

const { values, positionals } = parseArgs({
  options: { rounds: { type: 'string', default: '9' }, child: { type: 'string' } },
  allowPositionals: true,
})
if (values.child !== undefined) {
  console.log(await measure(values.child))
} else {
  const checkouts = (positionals.length > 0 ? positionals : [join(script, '../..')]).map((path) =>
    resolve(path),
  )
  const found = new Map(checkouts.map((checkout) => [checkout, []]))
  for (let round = 0; round < Number(values.rounds); round++) {
    for (const [checkout, numbers] of found) {
      const printed = execFileSync(process.execPath, [script, '--child', checkout], { encoding: 'utf8' })
      numbers.push(Number(printed))
    }
  }
  for (const [checkout, numbers] of found) {
    const sorted = numbers.toSorted((a, b) => a - b)
    const [least, median, most] = [0, sorted.length >> 1, sorted.length - 1].map((i) => sorted[i].toFixed(1))
    console.log(`${checkout}: ${median} µs a token (${least} to ${most}, ${sorted.length} rounds)`)
  }
}
