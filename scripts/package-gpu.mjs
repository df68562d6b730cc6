import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Consumer } from './package-consumer.mjs'

const name = '@quern/cuda-linux-x64'
const inModules = join('node_modules', name)

/** Prints as JSON what quern says of GPUs: of doctor(), of its library where that is opened, and of loading on one and on whatever there is. */
const program = `
const { doctor, load } = require('quern')
const outcome = async (options) => {
  const warnings = []
  try {
    const model = await load(undefined, { ...options, onWarning: (message) => warnings.push(message) })
    await model.close()
    return { device: model.info.device, warnings }
  } catch ({ code, message }) {
    return { code, message, warnings }
  }
}
const main = async () => {
  const { cuda } = await doctor()
  const onCuda = await outcome({ device: 'cuda' })
  const anywhere = await outcome({})
  process.env.QUERN_CUDA_LIBRARY = cuda.library ?? ''
  const opened = cuda.library === undefined ? undefined : (await doctor()).cuda
  console.log(JSON.stringify({ cuda, opened, onCuda, anywhere }))
}
main()
`

/**
 * What is wrong with the packages of quern and its CUDA library, installed together, alone, and in versions that do not match. `made` is where
 * they are installed together already.
 */
export function packageGpu(made, temp, tarball) {
  const problems = []
  const expect = (holds, problem, said) => {
    if (!holds) problems.push(`${problem}: ${JSON.stringify(said)}`)
  }
  const ask = (consumer) => {
    writeFileSync(join(consumer.folder, 'gpu.cjs'), program)
    const { passed, stdout, said } = consumer.run('node', join(consumer.folder, 'gpu.cjs'))
    if (passed) return JSON.parse(stdout)
    problems.push(`what quern says of GPUs: ${said}`)
    return undefined
  }

  const together = ask(made)
  if (together) {
    const { cuda, opened } = together
    expect(cuda.library?.includes(inModules), 'quern does not find the package of the CUDA library', cuda)
    expect(opened?.problem?.code !== 'device_mismatch', 'the CUDA library cannot be opened', opened)
  }

  const manifest = join(made.folder, inModules, 'package.json')
  const given = readFileSync(manifest, 'utf8')
  const { version } = JSON.parse(given)
  writeFileSync(manifest, JSON.stringify({ ...JSON.parse(given), version: '0.0.0' }))
  const mixed = ask(made)
  writeFileSync(manifest, given)
  if (mixed) {
    const { code, message } = mixed.onCuda
    expect(code === 'device_mismatch', 'another version of the CUDA library is no error', mixed.onCuda)
    expect(message?.includes(`npm install ${name}@${version}`), 'that error names no cure', message)
    expect(mixed.anywhere.device === 'cpu', 'with another version of the CUDA library nothing runs', mixed)
  }

  for (const [how, ...packages] of [
    ['left out', '--omit=optional', tarball],
    ['in no registry', tarball],
  ]) {
    const consumer = new Consumer(join(temp, how))
    const said = consumer.install(...packages)
    for (const line of said.split('\n'))
      if (/warn|error/i.test(line)) problems.push(`npm install with the CUDA library ${how} says: ${line}`)
    expect(!existsSync(join(consumer.folder, inModules)), `${name} is there, ${how}`, packages)
    const alone = ask(consumer)
    if (!alone) continue
    expect(alone.onCuda.code === 'no_device', `device: 'cuda', ${how}, is no error`, alone.onCuda)
    expect(alone.anywhere.device === 'cpu', `quern, its CUDA library ${how}, does not run`, alone.anywhere)
  }
  if (problems.length === 0)
    console.log('  with its CUDA library, without it, and with one of another version: as it should be')
  return problems
}
