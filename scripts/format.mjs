// usage: format.mjs [--check]   Biome for TypeScript, scripts and JSON, clang-format for C++.
import { root, run } from './run.mjs'
import { sources } from './sources.mjs'

const check = process.argv.includes('--check')
const native = ['native', 'test/native'].flatMap((folder) =>
  sources(root, folder, ['.cc', '.h', '.cu', '.cuh']),
)

const formatted = [
  run('biome', ['format', ...(check ? [] : ['--write'])]),
  native.length === 0 || run('clang-format', [...(check ? ['--dry-run', '-Werror'] : ['-i']), ...native]),
]
process.exit(formatted.every(Boolean) ? 0 : 1)
