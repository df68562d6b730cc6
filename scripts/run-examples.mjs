// Runs every example against the built package and wants exit code 0. An example may say what it must print, in a comment
// of its own line: `// prints: some words`.
// usage: run-examples.mjs [folder]
import { spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import ts from 'typescript'
import { report } from './report.mjs'
import { root } from './run.mjs'
import { sources } from './sources.mjs'

const folder = process.argv[2] ?? 'examples'
const compiled = join(root, 'build/examples') // inside the package, so that `import 'quern'` finds it
const problems = []
const examples = sources(root, folder, ['.ts', '.mjs'])

rmSync(compiled, { recursive: true, force: true })
mkdirSync(compiled, { recursive: true })
for (const path of examples) {
  const source = readFileSync(join(root, path), 'utf8')
  const program = join(compiled, basename(path).replace(/\.ts$/, '.mjs'))
  const compilerOptions = { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext }
  writeFileSync(program, path.endsWith('.ts') ? ts.transpile(source, compilerOptions) : source)

  const started = performance.now()
  const { status, signal, stdout, stderr } = spawnSync(process.execPath, [program], {
    cwd: root,
    encoding: 'utf8',
    timeout: 120_000,
  })
  const wanted = [...source.matchAll(/^\/\/ prints: (.+)$/gm)].map((match) => match[1].trim())
  const missing = wanted.filter((words) => !stdout.includes(words))
  if (status !== 0) problems.push(`${path}: exit code ${status ?? signal}\n${stderr}`)
  for (const words of missing) problems.push(`${path}: did not print "${words}", but:\n${stdout}`)
  if (status === 0 && missing.length === 0) {
    console.log(`  ${path} (${((performance.now() - started) / 1000).toFixed(1)} s)`)
  }
}
report('examples', problems, `${examples.length} ran`)
