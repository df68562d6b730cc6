// Runs the tests of test/fuzz with more rounds than `npm test` does.
// usage: fuzz.mjs [--rounds 20] [what-vitest-filters-by ...]
import { parseArgs } from 'node:util'
import { run } from './run.mjs'

const { values, positionals } = parseArgs({
  options: { rounds: { type: 'string', default: '20' } },
  allowPositionals: true,
})
const filters = positionals.length > 0 ? positionals : ['test/fuzz']
const arguments_ = ['run', '--testTimeout', '3600000', ...filters]
process.exitCode = run('vitest', arguments_, { env: { QUERN_FUZZ: values.rounds } }) ? 0 : 1
