// usage: format.mjs [--check]   Biome for TypeScript, scripts and JSON, clang-format for C++.
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { root, run } from './run.mjs'
import { sources } from './sources.mjs'

const native = ['native', 'test/native'].flatMap((folder) =>
  sources(root, folder, ['.cc', '.h', '.cu', '.cuh']),
)

function checkNative() {
  const program = join(root, 'node_modules/.bin/clang-format')
  const options = { cwd: root, encoding: 'utf8', maxBuffer: 1 << 28 }
  const { status, stderr } = spawnSync(program, ['--dry-run', '-Werror', ...native], options)
  if (status === 0) return true
  const files = new Set([...stderr.matchAll(/^(.+?):\d+:\d+: error: /gm)].map((match) => match[1]))
  console.error(files.size > 0 ? `clang-format would change:\n  ${[...files].join('\n  ')}` : stderr)
  return false
}

const passed = process.argv.includes('--check')
  ? [run('biome', ['format']), native.length === 0 || checkNative()]
  : [run('biome', ['format', '--write']), native.length === 0 || run('clang-format', ['-i', ...native])]
if (!passed.every(Boolean)) {
  console.error('`npm run format` writes it so')
  process.exitCode = 1
}
