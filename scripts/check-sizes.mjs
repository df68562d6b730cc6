// Files stay small, and so do the fixtures and the two front pages.
// usage: check-sizes.mjs [root]
import { existsSync, readFileSync, statSync } from 'node:fs'
import { basename, join } from 'node:path'
import { report } from './report.mjs'
import { sources } from './sources.mjs'

const root = process.argv[2] ?? join(import.meta.dirname, '..')
const problems = []

const folders = ['lib', 'web', 'native', 'test', 'bench', 'examples', 'scripts']
const script = /\.(tsx?|mjs|js|css)$/
const kernel = /\/kernels\//
const pages = { 'README.md': 120, 'ARCHITECTURE.md': 200 }
const fixtureMegabytes = 10

function linesOf(path) {
  const text = readFileSync(join(root, path), 'utf8')
  return text.split('\n').length - (text.endsWith('\n') ? 1 : 0)
}

function checkLines(path, limit) {
  const lines = linesOf(path)
  if (lines > limit) problems.push(`${path}: ${lines} lines, at most ${limit}`)
}

const code = folders
  .flatMap((folder) =>
    sources(root, folder, ['.ts', '.tsx', '.css', '.mjs', '.js', '.cc', '.h', '.cu', '.cuh']),
  )
  .filter((path) => !path.startsWith('test/fixtures/'))
for (const path of code) {
  checkLines(path, script.test(path) ? 350 : kernel.test(path) ? 500 : 450)
  if (/(^|[-_.])utils?[-_.]/.test(basename(path))) problems.push(`${path}: named after nothing it does`)
}
for (const [path, limit] of Object.entries(pages)) {
  if (existsSync(join(root, path))) checkLines(path, limit)
}
const fixtureBytes = sources(root, 'test/fixtures', ['']).reduce(
  (sum, path) => sum + statSync(join(root, path)).size,
  0,
)
if (fixtureBytes >= fixtureMegabytes * 1e6) {
  problems.push(
    `test/fixtures: ${(fixtureBytes / 1e6).toFixed(1)} MB, less than ${fixtureMegabytes} MB wanted`,
  )
}

report('sizes', problems, `${code.length} files, fixtures ${(fixtureBytes / 1e6).toFixed(1)} MB`)
