// Writes the goldens as programs without Node read them (test/native/golden_case.h), to be carried to a machine with a GPU: for every
// case a folder with its plan, whose files lie beside it, its prompts, and what is expected of them. `npm run build:lib` comes first.
// usage: gpu-cases.mjs [folder]    (build/gpu-cases)
import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { inspect, planText } from '../dist/index.mjs'
import { root } from './run.mjs'

const goldens = join(root, '../shared/golden/models')
const folder = process.argv[2] ?? join(root, 'build/gpu-cases')
const mostBytes = 60e6

const readJson = (path) => JSON.parse(readFileSync(path, 'utf8'))

/** The F32 tensors of a .safetensors file, as bytes. */
function readTensors(path) {
  const bytes = readFileSync(path)
  const length = Number(bytes.readBigUInt64LE(0))
  const header = JSON.parse(bytes.toString('utf8', 8, 8 + length))
  return (name) => {
    const { dtype, data_offsets: ends } = header[name]
    if (dtype !== 'F32') throw new Error(`${path}: ${name} is ${dtype}`)
    return bytes.subarray(8 + length).subarray(...ends)
  }
}

/** One case; gives its bytes. */
async function write(name, leastLoss) {
  const from = join(goldens, name)
  const into = join(folder, name)
  mkdirSync(into, { recursive: true })
  const { plan } = await inspect(from)
  const files = plan.files.map(({ path, bytes }) => {
    copyFileSync(path, join(into, basename(path)))
    return { path: basename(path), bytes }
  })
  writeFileSync(join(into, 'plan.txt'), planText({ ...plan, files }))

  const { tolerance, bf16_run: run, prompts } = readJson(join(from, 'expected.json'))
  const tensor = readTensors(join(from, 'expected.safetensors'))
  const lines = [
    'quern-golden 1',
    `tolerance ${tolerance.logits_atol} ${tolerance.rtol}`,
    `loss ${run?.max_abs_difference ?? leastLoss}`,
  ]
  const logits = []
  for (const [i, { ids, logit_positions: positions, greedy }] of prompts.entries()) {
    lines.push(`prompt ${ids.join(' ')}`, `positions ${positions.join(' ')}`)
    logits.push(tensor(`prompt.${i}.logits`))
    if (greedy) {
      lines.push(`greedy ${greedy.join(' ')}`)
      logits.push(tensor(`prompt.${i}.greedy_end_logits`))
    }
  }
  writeFileSync(join(into, 'case.txt'), `${lines.join('\n')}\nend\n`)
  writeFileSync(join(into, 'logits.f32'), Buffer.concat(logits))
  return (
    files.reduce((sum, { bytes }) => sum + bytes, 0) + logits.reduce((sum, { length }) => sum + length, 0)
  )
}

if (!existsSync(goldens)) {
  console.error(`${goldens} is absent: there are no goldens to write`)
  process.exit(1)
}
const names = readJson(join(root, 'test/supported-goldens.json')).map(({ name }) => name)
// What bfloat16 costs a case that does not say it: as much as it costs the one that it costs least.
const losses = names.map(
  (name) => readJson(join(goldens, name, 'expected.json')).bf16_run?.max_abs_difference,
)
const leastLoss = Math.min(...losses.filter((loss) => loss !== undefined))
rmSync(folder, { recursive: true, force: true })
let bytes = 0
for (const name of names) bytes += await write(name, leastLoss)
if (bytes > mostBytes) {
  console.error(`${folder}: ${bytes} bytes, at most ${mostBytes} can be carried`)
  process.exit(1)
}
console.log(`${folder}: ${names.length} cases, ${(bytes / 1e6).toFixed(1)} MB`)
