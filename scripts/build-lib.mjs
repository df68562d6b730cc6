// Compiles lib/ to dist/: CommonJS, which every loader of JavaScript can take, and an ES module that gives the same objects by name. The
// page that the server shows is built into dist/web.
// dist/ is replaced in one step, so that whoever runs it meanwhile, or stops this, has all of the old one or all of the new one.
// usage: build-lib.mjs
import { chmodSync, existsSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { basename, join } from 'node:path'
import { buildWeb } from './build-web.mjs'
import { root, run } from './run.mjs'

const dist = join(root, 'dist')
const build = join(root, 'build')
const made = join(build, `dist-${process.pid}`)
const replaced = join(build, `dist-${process.pid}-replaced`)
const remove = (path) => rmSync(path, { recursive: true, force: true })

/** What runs that were killed have left. */
function removeLeftovers() {
  for (const name of readdirSync(build)) {
    const pid = Number(/^dist-(\d+)/.exec(name)?.[1])
    if (pid && (pid === process.pid || !existsSync(`/proc/${pid}`))) remove(join(build, name))
  }
}

/** The files that package.json exports. */
const entries = [
  'index',
  'server/index',
  'batch/index',
  'integrations/ai-sdk/index',
  'integrations/langchain/index',
]

function writeEntries() {
  writeFileSync(join(made, 'package.json'), '{ "type": "commonjs" }\n')
  for (const entry of entries) writeModule(join(made, entry))
  chmodSync(join(made, 'cli/main.js'), 0o755)
}

/** The ES module of a CommonJS file. */
function writeModule(path) {
  const names = Object.keys(createRequire(import.meta.url)(`${path}.js`)).sort()
  writeFileSync(`${path}.mjs`, `export { ${names.join(', ')} } from './${basename(path)}.js'\n`)
  writeFileSync(`${path}.d.mts`, `export * from './${basename(path)}.js'\n`)
}

mkdirSync(build, { recursive: true })
removeLeftovers()
process.on('exit', removeLeftovers)
if (!run('tsc', ['-p', 'tsconfig.build.json', '--outDir', made])) process.exit(1)
writeEntries()
await buildWeb(join(made, 'web'))
// A signal waits from here on: its handler runs after this script.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => process.exit(1))
if (existsSync(dist)) renameSync(dist, replaced)
renameSync(made, dist)
